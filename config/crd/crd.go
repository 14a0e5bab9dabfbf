// Package crd holds the CustomResourceDefinitions of this release, for programs that check manifests where no API server does.
package crd

import "embed"

// Bases are the CustomResourceDefinitions, a file each, in the folder bases.
//
//go:embed bases/*.yaml
var Bases embed.FS
