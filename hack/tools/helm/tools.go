//go:build tools

// Package helm exists for its go.mod: it pins Helm, which the Makefile builds into bin/helm, and what package chart needs
// to make the generated part of config/chart. It is a module of its own, since Helm's many dependencies want other
// versions than the operator's.
package helm
