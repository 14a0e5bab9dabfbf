// Package decision says what is to be done about one Astro token and its bindings. It is pure: without a clock, without
// I/O, and nothing in it changes a value that somebody else may hold. The controller of tokens performs what it says, the
// explorer drives it through every interleaving, and a plan can be asked of it without writing anything.
//
// Read it in this order:
//
//   - situation.go: all that is known of a token, its bindings and their connections;
//   - binding.go, rules.go, takeover.go, token.go: what follows for one binding from its own words, from the connection's rules, and
//     from the token;
//   - ruling.go: what is decided, for each binding and for all;
//   - judge.go, deletion.go, expiry.go: how much say each binding's claim has; undeclared.go: whether a role goes that none
//     declares;
//   - decide.go, claims.go, changes.go: claims to take and changes to make, for all bindings together; say.go: which credential has
//     the say over a role;
//   - effects.go, protocol.go, parts.go: the order of effects, as Next(progress) and After(progress, effect, result), and
//     which changes are written together; after.go, stored.go, written.go and diagnose.go are what each result means;
//     memory.go and credentials.go are what is remembered for the next reconcile, requests.go is what a user's request for another
//     try does to it;
//   - verdict.go, statement.go, status.go, warning.go: what each binding is told;
//   - audit.go, audit_report.go: what the audit log says of a write, and of a role that stays;
//   - unresolved.go: bindings whose token is not known yet.
package decision
