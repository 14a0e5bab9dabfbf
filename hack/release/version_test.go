package release

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	makefileVersion = regexp.MustCompile(`(?m)^VERSION \?= (v\d+\.\d+\.\d+)$`)
	chartVersion    = regexp.MustCompile(`(?m)^version: (\S+)$`)
)

func TestVersion(t *testing.T) {
	version := find(t, "Makefile", makefileVersion)
	if chart := find(t, "config/chart/Chart.yaml", chartVersion); "v"+chart != version {
		t.Errorf("the Makefile says %s, the chart %s", version, chart)
	}
	notes := read(t, filepath.Join("docs", "releases", version+".md"))
	if !strings.HasPrefix(notes, "# "+version+"\n") {
		t.Errorf("the notes of %s begin otherwise", version)
	}
	if file := "`scopedtoken-operator-" + strings.TrimPrefix(version, "v") + ".tgz`"; !strings.Contains(notes, file) {
		t.Errorf("the notes do not name the chart %s", file)
	}
}

func find(t *testing.T, file string, what *regexp.Regexp) string {
	t.Helper()
	found := what.FindStringSubmatch(read(t, file))
	if found == nil {
		t.Fatalf("%s tells no version", file)
	}
	return found[1]
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
