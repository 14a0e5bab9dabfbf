// Package buildinfo knows which version of this module a program was built from.
package buildinfo

import (
	"runtime/debug"
	"strings"
)

// Version is that of the release, as the linker put it into the program, or else that of the module, which Go takes from the
// git tag or commit that was built; devel if there was none.
func Version(release string) string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return strings.Trim(info.Main.Version, "()")
	}
	return "devel"
}
