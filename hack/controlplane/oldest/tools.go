//go:build tools

// Package oldest exists for its go.mod alone: it pins the kube-apiserver of the oldest Kubernetes that the operator is
// tested against. What the tests need besides it (etcd, kubectl) is the newest one's.
package oldest

import _ "k8s.io/kubernetes/cmd/kube-apiserver"
