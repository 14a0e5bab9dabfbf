package chart

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parent is a chart that has this one as a dependency, under a name, with Helm's usual condition.
func parent(t *testing.T, alias string) string {
	t.Helper()
	folder := t.TempDir()
	if _, err := helm(t, "package", "config/chart", "--destination", filepath.Join(folder, "charts")); err != nil {
		t.Fatal(err)
	}
	chart := "apiVersion: v2\nname: platform\nversion: 0.1.0\ndependencies:\n" +
		"- {name: scopedtoken-operator, version: 0.1.0, alias: " + alias + ", condition: " + alias + ".enabled}\n"
	if err := os.WriteFile(filepath.Join(folder, "Chart.yaml"), []byte(chart), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// asDependency is what the parent chart installs.
func asDependency(t *testing.T, alias string, flags ...string) []object {
	t.Helper()
	out, err := helm(t, append([]string{"template", release, parent(t, alias), "--namespace", system, "--skip-tests"}, flags...)...)
	if err != nil {
		t.Fatal(err)
	}
	// Helm names the chart by its alias.
	return parse(t, strings.ReplaceAll(out, "helm.sh/chart: "+alias+"-", "helm.sh/chart: scopedtoken-operator-"))
}

// TestDependency: a parent chart switches it on and off with the usual condition, and has values for all its charts.
func TestDependency(t *testing.T) {
	want := text(t, render(t))
	cases := map[string]struct {
		reason, alias string
		flags         []string
		want          string
	}{
		"On":     {"The condition is a value of this chart.", "scopedtoken-operator", []string{"--set", "scopedtoken-operator.enabled=true"}, want},
		"Off":    {"Off, nothing of it is there.", "scopedtoken-operator", []string{"--set", "scopedtoken-operator.enabled=false"}, ""},
		"Unsaid": {"Unsaid, it is on.", "scopedtoken-operator", nil, want},
		"Global": {"Values for every chart are none of its business.", "scopedtoken-operator", []string{"--set", "global.imageRegistry=example.com,scopedtoken-operator.enabled=true"}, want},
		"Alias":  {"Under another name.", "astro", []string{"--set", "astro.enabled=true"}, want},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, text(t, asDependency(t, tc.alias, tc.flags...))); diff != "" {
				t.Errorf("%s (-want +got)\n%s", tc.reason, diff)
			}
		})
	}
	t.Run("Typo", func(t *testing.T) {
		_, err := helm(t, "template", release, parent(t, "astro"), "--set", "astro.enabled=true,astro.metrics.enable=true")
		if err == nil || !strings.Contains(err.Error(), "'enable' not allowed") {
			t.Errorf("a value that nobody reads is refused in a parent too; got %v", err)
		}
	})
}
