// Package roleset plans the roles of one token: from the roles observed and the claims of all its bindings to the
// changes to make and a verdict a claim. It is pure arithmetic, without I/O and without a clock, and its result does not
// depend on the order in which roles or claims are given. A role that no claim speaks of stays as it was read, byte for byte.
package roleset
