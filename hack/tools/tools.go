//go:build tools

// Package tools exists for its go.mod: the `tool` lines there pin what generates code, manifests and documentation. The
// Makefile runs them from the top of the repository as `go tool -modfile=hack/tools/go.mod NAME`. The program in envtest/
// is the module's own.
// The linter has a module of its own in lint/, since its many dependencies want other versions.
package tools
