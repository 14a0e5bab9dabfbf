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
	chartIcon       = regexp.MustCompile(`(?m)^icon: https://raw\.githubusercontent\.com/scopedtoken/scopedtoken-operator/main/(\S+)$`)
	chartLast       = regexp.MustCompile(`\nannotations:\n(  .*\n)+$`)
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
	if changes := read(t, "CHANGELOG.md"); !strings.Contains(changes, "\n## "+version) {
		t.Errorf("CHANGELOG.md has nothing about %s", version)
	}
	if file := "`scopedtoken-operator-" + strings.TrimPrefix(version, "v") + ".tgz`"; !strings.Contains(notes, file) {
		t.Errorf("the notes do not name the chart %s", file)
	}
	if file := "`kubectl-stb-" + version + "-linux-amd64.tar.gz`"; !strings.Contains(notes, file) {
		t.Errorf("the notes do not name the plugin %s", file)
	}
}

// TestChartNamesTheKinds: what Artifact Hub shows of the chart is what the chart installs.
func TestChartNamesTheKinds(t *testing.T) {
	chart := read(t, filepath.Join("config", "chart", "Chart.yaml"))
	kinds, err := filepath.Glob(filepath.Join("..", "..", "config", "crd", "bases", "*.yaml"))
	if err != nil || len(kinds) == 0 {
		t.Fatalf("there are no kinds: %v", err)
	}
	for _, kind := range kinds {
		group, plural, _ := strings.Cut(strings.TrimSuffix(filepath.Base(kind), ".yaml"), "_")
		if line := "      name: " + plural + "." + group + "\n"; !strings.Contains(chart, line) {
			t.Errorf("Chart.yaml does not name %s.%s", plural, group)
		}
	}
	if named := strings.Count(chart, "    - kind: "); named != len(kinds) {
		t.Errorf("Chart.yaml names %d kinds, and there are %d", named, len(kinds))
	}
	if icon := chartIcon.FindStringSubmatch(chart); icon == nil {
		t.Error("Chart.yaml has no icon of this repository")
	} else {
		read(t, icon[1])
	}
	if !strings.HasSuffix(chart, "\n") || chartLast.FindString(chart) == "" {
		t.Error("annotations are not the last section of Chart.yaml, where the release adds to them")
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
