//go:build tools

// Package check exists for its go.mod alone: the `tool` lines there pin what checks the workflows (actionlint), the
// licences of dependencies (go-licenses) and known vulnerabilities in them (govulncheck). The Makefile runs them from the
// top of the repository as `go tool -modfile=hack/tools/check/go.mod NAME`.
package check
