package main

import "runtime/debug"

// version is that of the module, which Go takes from the git tag or commit that was built.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// userAgent names the operator to Astro and to the API server.
func userAgent() string { return name + "/" + version() }
