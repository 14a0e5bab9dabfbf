// Package token makes Astro's tokens hold the roles that bindings declare. Its unit of work is the token, not the
// binding: all bindings of one token are gathered together, decided on by the pure package decision, written at most once
// a connection, and told each its own result. The work queue never works one key twice at a time, so no lock is needed
// and no two bindings can overwrite each other.
//
// Read it in this order:
//
//   - reconciler.go: a reconcile, from its key to its result;
//   - key.go, gather.go, connections.go: whose bindings are worked on together, and what is known of each;
//   - observe.go, others.go, lookup.go: what Astro shows;
//   - perform.go, replace.go, diagnose.go: the effects that package decision asks for;
//   - report.go, events.go: statuses, finalizers and events;
//   - orphans.go, ownwrites.go, memory.go: what is remembered between reconciles;
//   - setup.go, enqueue.go, watch.go, admission.go: what brings a key into the queue, and when it is its turn;
//   - metrics.go.
package token
