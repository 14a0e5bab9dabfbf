//go:build tools

// Package ct exists for its go.mod alone: the `tool` line there pins chart-testing, which `make chart-lint` runs from the top of the
// repository as `go tool -modfile=hack/tools/ct/go.mod ct`. A module of its own, since it wants other versions than the other tools.
package ct
