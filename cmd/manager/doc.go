// Program manager is the operator: it makes the API tokens of Astro hold the roles that ScopedTokenBindings declare.
// What it may be told is in options.go, and how it lives in a cluster (caches, election, metrics) in manager.go.
// It wires the controllers of package internal/controller together and knows nothing of Astro itself.
package main
