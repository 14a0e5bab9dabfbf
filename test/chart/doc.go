// Package chart installs the operator as users do, with Helm and with kustomize, on a real API server: every variant of
// the chart is rendered, compared with a golden file and judged by the API server's schemas and Pod Security; what the two
// install is the same; and the program works with exactly the rights that it is given, and needs each of them. Helm is
// bin/helm, which `make test` builds.
package chart
