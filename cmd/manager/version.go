package main

import (
	"runtime/debug"
	"strings"
)

// version is that of the module, which Go takes from the git tag or commit that was built; devel if there was none.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return strings.Trim(info.Main.Version, "()")
	}
	return "devel"
}

// userAgent names the operator to Astro and to the API server.
func userAgent() string { return name + "/" + version() }
