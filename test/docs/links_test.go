package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	notAnchors = regexp.MustCompile(`[^a-z0-9 _-]`)
)

// TestLinks follows every link that stays in the repository, to the heading if it names one.
func TestLinks(t *testing.T) {
	for _, p := range pages(t) {
		_, prose := p.split()
		for _, found := range link.FindAllStringSubmatch(prose, -1) {
			if to := found[1]; !strings.Contains(to, "://") {
				follow(t, p, to)
			}
		}
	}
}

func follow(t *testing.T, from page, to string) {
	t.Helper()
	path, anchor, _ := strings.Cut(to, "#")
	path = filepath.Join(filepath.Dir(from.path), path)
	if strings.HasPrefix(to, "#") {
		path = from.path
	}
	if _, err := os.Stat(filepath.Join(env.Root, path)); err != nil {
		t.Errorf("%s links to %s, which is not there", from.path, to)
		return
	}
	if anchor != "" && !slices.Contains(read(t, path).anchors(), anchor) {
		t.Errorf("%s links to %s, which has no such heading", from.path, to)
	}
}

// anchors are the names by which headings are linked to.
func (p page) anchors() []string {
	all := p.headings(0)
	for i, heading := range all {
		all[i] = strings.ReplaceAll(notAnchors.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
	}
	return all
}
