package main

import (
	"runtime/debug"
	"strings"
)

// release is the version of a released build, which the linker puts in: -ldflags '-X main.release=v1.2.3'.
var release string

// version is that of the release, or else that of the module, which Go takes from the git tag or commit that was built;
// devel if there was none.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return strings.Trim(info.Main.Version, "()")
	}
	return "devel"
}

// userAgent names the operator to Astro and to the API server.
func userAgent() string { return name + "/" + version() }
