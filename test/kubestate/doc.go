// Package kubestate holds the configuration for kube-state-metrics against the kinds: whatever it shows has to be there.
package kubestate
