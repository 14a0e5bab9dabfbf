// Package token makes Astro's tokens hold the roles that bindings declare. Its unit of work is the token, not the
// binding: all bindings of one token are gathered together, decided on by the pure package decision, written at most once
// a connection, and told each its own result. The work queue never works one key twice at a time, so no lock is needed
// and no two bindings can overwrite each other.
//
// Read it in this order, callers before what they call:
//
//   - reconcile.go: a reconcile, from its key to its result, and the effects that package decision asks for, one after the other;
//   - setup.go, enqueue.go: what brings a key into the queue;
//   - report.go, dropped.go, replace.go, patch.go: the effects that write;
//   - gather.go, journaled.go: whose bindings are worked on together;
//   - undeclared.go: roles that no binding declares, and that an inventory is to remove;
//   - observe.go, turn.go, look.go, lookup.go: when it is a token's turn, and what Astro shows of it;
//   - handed.go: bindings that are handed over to a token by its name, and are handed back if it has another one by now;
//   - orphans.go, ownwrites.go: what is known of bindings that the cache does not show as they are;
//   - metrics.go: what is measured;
//   - connections.go, reconciler.go: what bindings work through, and what a reconcile works with and remembers;
//   - ahead.go, requests.go, patience.go: what is looked up for several tokens together, and for how long a worker waits for it;
//   - watch.go, key.go: what an event means, and what a key is.
package token
