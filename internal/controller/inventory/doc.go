// Package inventory keeps every TargetInventory: the tokens that hold a role on a Workspace or Deployment, and which
// bindings declare it. It reads the listing that the sweep of the connection made, so that an inventory costs Astro
// nothing, and writes a status only where it differs.
package inventory
