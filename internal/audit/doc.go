// Package audit writes the audit log: one line of JSON for each entry of a token's role set that the operator changes, tries
// to change, or lets go of. It is a leaf: package decision makes entries of what it knows, the controller of tokens hands
// them over, and nothing here knows Astro or Kubernetes.
//
// Read it in this order:
//
//   - entry.go: what a line says, and the closed sets of causes and outcomes;
//   - trail.go: what is known of a change from its first line to its last;
//   - log.go: where lines go, one write each.
package audit
