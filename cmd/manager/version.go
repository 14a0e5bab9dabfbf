package main

import "github.com/scopedtoken/scopedtoken-operator/internal/buildinfo"

// release is the version of a released build, which the linker puts in: -ldflags '-X main.release=v1.2.3'.
var release string

func version() string { return buildinfo.Version(release) }

// userAgent names the operator to Astro and to the API server.
func userAgent() string { return name + "/" + version() }
