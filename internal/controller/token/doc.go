// Package token makes Astro's tokens hold the roles that bindings declare. Its unit of work is the token, not the
// binding: all bindings of one token are loaded together, planned by the pure package roleset, written at most once a
// connection, and told each its own result. The work queue never works one key twice at a time, so no lock is needed
// and no two bindings can overwrite each other.
package token
