// Package decision says what is to be done about one Astro token and its bindings. It is pure: without a clock, without
// I/O, and nothing in it changes a value that somebody else may hold. The controller of tokens performs what it says, the
// explorer drives it through every interleaving, and a plan can be asked of it without writing anything.
//
// Read it in this order. Each file uses only those before it:
//
//   - connection.go, binding.go: what is known of a connection, and of a binding by its own words;
//   - ruling.go: what is decided, for each binding and for all;
//   - memory.go: what is remembered for the next reconcile;
//   - situation.go: all that is known of a token, its bindings and their connections;
//   - effects.go, progress.go: what can be done and told, and how far the work has come;
//   - reach.go, rules.go: what a binding's connection leads to and sees, and what its rules allow;
//   - arrivals.go: whether a write without an answer may still arrive;
//   - credentials.go, requests.go: who may write the token, and what a user's request for another try does to that;
//   - lookups.go, hints.go: what has to be looked up, and the names that a message hints at;
//   - obstacle.go: what stands in a binding's way;
//   - undeclared.go, deletion.go, expiry.go, judge.go: how much say each binding's claim has;
//   - takeover.go, claims.go: when a role that was found is taken over, and the claims to take;
//   - changes.go, say.go, decide.go: the changes to make, which binding has the say over a role, and the decision for all;
//   - parts.go: which changes are written together;
//   - verdict.go, warning.go, status.go, statement.go: what each binding is told;
//   - protocol.go: the order of effects, as Begin and Next(progress);
//   - diagnose.go, written.go, stored.go, after.go: what each result means, as After(progress, effect, result);
//   - audit.go, audit_report.go: what the audit log says of a write, and of a role that stays;
//   - unresolved.go: bindings whose token is not known yet.
package decision
