// Package token makes Astro's tokens hold the roles that bindings declare. Its unit of work is the token, not the
// binding: all bindings of one token are gathered together, decided on by the pure package decision, written at most once
// a connection, and told each its own result. The work queue never works one key twice at a time, so no lock is needed
// and no two bindings can overwrite each other.
//
// Read it in this order, callers before what they call. Each file uses only those after it:
//
//   - reconcile.go: a reconcile, from its key to its result, and the effects that package decision asks for, one after the other;
//   - setup.go, enqueue.go: what brings a key into the queue;
//   - replace.go, recheck.go, report.go, patch.go, dropped.go: the effects that write, and what is read right before Astro is written;
//   - gather.go, journaled.go: whose bindings are worked on together;
//   - undeclared.go: roles that no binding declares, and that an inventory is to remove;
//   - observe.go, look.go, lookup.go: what Astro shows of a token, and of what its bindings name;
//   - turn.go: when it is a token's turn, and which bindings are handed over to it by its name, or handed back;
//   - metrics.go, events.go: what is measured, and told by events and by the audit log;
//   - connections.go, reconciler.go: what bindings work through, and what a reconcile works with and remembers;
//   - orphans.go, ownwrites.go: what is known of bindings that the cache does not show as they are;
//   - requests.go, ahead.go: what is looked up for several tokens together;
//   - handed.go, patience.go, counters.go: which bindings were handed over, for how long a worker or a name waits, and counters;
//   - watch.go, key.go: what an event means, and what a key is.
package token
