//go:build tools

// Package cosign exists for its go.mod alone: it pins cosign, which signs a release, and a registry to try that against,
// apart from other tools, because cosign has many dependencies. The Makefile builds them into bin/.
package cosign

import (
	_ "github.com/google/go-containerregistry/cmd/registry"
	_ "github.com/sigstore/cosign/v3/cmd/cosign"
)
