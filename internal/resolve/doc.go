// Package resolve says which one target a reference means, given what Astro shows, and what its user is told if it means
// none or several. Bindings and inventories resolve their targets by it. It is pure: no clock, no I/O.
package resolve
