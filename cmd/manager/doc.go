// Program manager is the operator: it makes the API tokens of Astro hold the roles that ScopedTokenBindings declare.
// What it may be told is in options.go, and how it lives in a cluster (caches, election, metrics) in manager.go.
// It wires the controllers of package internal/controller together and knows nothing of Astro itself.
//
// Read main.go, then options.go with list.go and share.go, manager.go with namespaces.go and ready.go (what readiness waits for),
// refused.go (a Lease that Kubernetes refuses), fence.go (nothing is written without the Lease), and then memory.go, proxy.go,
// log.go and version.go.
package main
