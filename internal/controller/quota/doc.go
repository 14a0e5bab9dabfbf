// Package quota is what each namespace may have of what all need, before it waits or goes without. What belongs to no namespace
// has a share of its own.
package quota
