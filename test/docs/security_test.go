package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// tried is a link to a test, and what is quoted from it.
	tried = regexp.MustCompile(`\]\((\.\./[^)]+_test\.go)\)( "[^"]+")?`)
	// path is a row that says what stops a path.
	path = regexp.MustCompile(`(?m)^\| .* \| .* \| .*_test\.go\).* \|$`)
)

// TestSecurityClaims: each thing that docs/security.md says to be stopped names a test, and what it quotes is there.
func TestSecurityClaims(t *testing.T) {
	text := read(t, doc("security.md")).text
	_, ways, _ := strings.Cut(text, "\n## Ways in")
	ways, _, found := strings.Cut(ways, "\n## What is open")
	if rows := len(regexp.MustCompile(`(?m)^\| `).FindAllString(ways, -1)) - strings.Count(ways, "| path |"); !found || rows < 40 || rows != len(path.FindAllString(ways, -1)) {
		t.Errorf("%d rows, of which %d name a test", rows, len(path.FindAllString(ways, -1)))
	}
	for _, m := range tried.FindAllStringSubmatch(text, -1) {
		content, err := os.ReadFile(filepath.Join(env.Root, "docs", m[1]))
		if err != nil {
			t.Error(err)
			continue
		}
		if quoted := strings.Trim(m[2], ` "`); quoted == "" || !strings.Contains(string(content), quoted) {
			t.Errorf("%s does not have %q", m[1], quoted)
		}
	}
}
