// Package roleset plans the roles of one token: from the roles observed and the claims of all its bindings to the
// changes to make and a verdict a claim. It is pure arithmetic, without I/O and without a clock, and its result does not
// depend on the order in which roles or claims are given. A role that no claim speaks of stays as it was read, byte for byte.
//
// Read observed.go and claim.go for what goes in, group.go for what follows for the claims on one target, plan.go for all of them,
// and change.go and apply.go for the role set that comes of it.
package roleset
