//go:build tools

// Package controlplane exists for its go.mod alone: it pins, apart from the operator's own dependencies, the programs
// of the Kubernetes control plane that the tests, the demo and the benchmarks run against. build.sh beside it builds
// them. Nothing imports this package; the build tag keeps it out of every build, and the blank imports keep
// `go mod tidy` from dropping the pins.
package controlplane

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kubectl"
)
