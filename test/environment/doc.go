// Package environment starts a real Kubernetes API server (etcd and kube-apiserver, no nodes) with the operator's kinds
// installed, for tests. The programs come from $KUBEBUILDER_ASSETS or bin/k8s, where `make controlplane` puts them.
// One environment serves a whole test package: start it in TestMain or BeforeSuite, stop it at the end.
package environment
