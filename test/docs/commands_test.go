package docs

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryCommandHasItsRow counts the twelve commands of the Astro CLI, each in one row of the table.
func TestEveryCommandHasItsRow(t *testing.T) {
	_, prose := read(t, filepath.Join("docs", "commands.md")).split()
	for _, family := range []string{"workspace token organization-token", "deployment token organization-token", "deployment token workspace-token"} {
		for _, verb := range []string{"add", "update", "remove", "list"} {
			command, rows := "astro "+family+" "+verb+" ", 0
			for line := range strings.Lines(prose) {
				if strings.HasPrefix(line, "| `"+command) {
					rows++
				}
			}
			if rows != 1 {
				t.Errorf("want one row that begins with %q, found %d", command, rows)
			}
		}
	}
}
