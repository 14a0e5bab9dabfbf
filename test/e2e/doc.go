// Package e2e installs the operator on a cluster as a user does: its image with Helm, two replicas, the samples, and then
// what happens to an operator in its life: an upgrade, a crash, an eviction, a rotated credential, its removal. Astro is
// the simulator, served over TLS by the test itself on an address that Pods reach. `make e2e` runs it; without a cluster
// it fails.
package e2e
