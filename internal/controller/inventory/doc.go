// Package inventory keeps every TargetInventory: the tokens that hold a role on a Workspace or Deployment, and which
// bindings declare it. It reads the listing that the sweep of the connection made, so that an inventory costs Astro
// nothing, and writes a status only where it differs.
//
// Read reconciler.go for a look at one inventory, target.go for what it is of, rows.go and declared.go for the list, undeclared.go
// and removal.go for roles that nobody declares, status.go for what is said, and setup.go with backoff.go for when it is looked at.
package inventory
