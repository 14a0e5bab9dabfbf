// Package token makes Astro's tokens hold the roles that bindings declare. Its unit of work is the token, not the
// binding: all bindings of one token are gathered together, decided on by the pure package decision, written at most once
// a connection, and told each its own result. The work queue never works one key twice at a time, so no lock is needed
// and no two bindings can overwrite each other.
//
// Read it in this order:
//
//   - reconcile.go: a reconcile, from its key to its result, and the effects that package decision asks for, one after the other;
//     reconciler.go is what it works with and remembers;
//   - gather.go, journaled.go: whose bindings are worked on together; key.go and connections.go are what these are;
//   - observe.go, look.go, lookup.go: what Astro shows;
//   - replace.go, report.go, patch.go: the effects that write;
//   - orphans.go, ownwrites.go: what is known of bindings that the cache does not show as they are;
//   - undeclared.go: roles that no binding declares, and that an inventory is to remove;
//   - setup.go, enqueue.go, watch.go, turn.go: what brings a key into the queue, and when it is its turn;
//   - ahead.go, requests.go: what is looked up for several tokens together: for those that wait, and for those that users ask about;
//   - metrics.go: what is measured.
package token
