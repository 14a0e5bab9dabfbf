package docs

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// panel is what a panel of the dashboard asks for.
type panel struct {
	Title   string `json:"title"`
	Type    string `json:"type"`
	GridPos struct {
		X int `json:"x"`
		Y int `json:"y"`
		W int `json:"w"`
		H int `json:"h"`
	} `json:"gridPos"`
	Targets []struct {
		Expr string `json:"expr"`
	} `json:"targets"`
}

var (
	labelsOfRow = regexp.MustCompile("(?m)^\\| `(scopedtoken_[a-z_]+)(?:\\{([a-z,]+)\\})?`")
	selector    = regexp.MustCompile(`(scopedtoken_[a-z_]+?)(?:_bucket|_sum|_count)?\{([^}]*)\}`)
	matcher     = regexp.MustCompile(`([a-z]+)(?:=~|!=|=)"`)
	grouping    = regexp.MustCompile(`by \(([a-z, ]+)\)`)
)

// TestDashboard: every metric of the operator is on the dashboard, by labels that it has, in queries that Prometheus understands, in
// panels that do not cover each other.
func TestDashboard(t *testing.T) {
	var dashboard struct {
		Panels []panel `json:"panels"`
	}
	content, err := os.ReadFile(filepath.Join(env.Root, "config", "grafana", "dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &dashboard); err != nil {
		t.Fatal(err)
	}
	labels := map[string][]string{}
	for _, row := range labelsOfRow.FindAllStringSubmatch(read(t, filepath.Join("docs", "operating.md")).text, -1) {
		labels[row[1]] = strings.Split(row[2], ",")
	}
	var shown, queries []string
	for i, p := range dashboard.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%s asks for nothing", p.Title)
		}
		for _, q := range dashboard.Panels[:i] {
			if p.GridPos.X < q.GridPos.X+q.GridPos.W && q.GridPos.X < p.GridPos.X+p.GridPos.W && p.GridPos.Y < q.GridPos.Y+q.GridPos.H && q.GridPos.Y < p.GridPos.Y+p.GridPos.H {
				t.Errorf("%s lies over %s", p.Title, q.Title)
			}
		}
		for _, target := range p.Targets {
			queries = append(queries, strings.ReplaceAll(target.Expr, "$__rate_interval", "5m"))
			shown = append(shown, checkLabels(t, p.Title, target.Expr, labels)...)
		}
	}
	for name := range labels {
		if !slices.Contains(shown, name) {
			t.Errorf("no panel shows %s", name)
		}
	}
	checkQueries(t, queries)
}

// checkLabels checks the metrics and labels of a query, and returns the metrics.
func checkLabels(t *testing.T, title, query string, labels map[string][]string) (shown []string) {
	t.Helper()
	var all []string
	for _, name := range metric.FindAllString(query, -1) {
		name = strings.TrimSuffix(name, "_bucket")
		if _, known := labels[name]; !known {
			t.Errorf("%s asks for the metric %s, which there is not", title, name)
		}
		shown, all = append(shown, name), append(all, labels[name]...)
	}
	for _, of := range selector.FindAllStringSubmatch(query, -1) {
		for _, m := range matcher.FindAllStringSubmatch(of[2], -1) {
			if !slices.Contains(labels[of[1]], m[1]) {
				t.Errorf("%s selects %s by %s, which it has not", title, of[1], m[1])
			}
		}
	}
	for _, by := range grouping.FindAllStringSubmatch(query, -1) {
		for label := range strings.SplitSeq(by[1], ", ") {
			if label != "le" && !slices.Contains(all, label) {
				t.Errorf("%s groups by %s, which no metric of it has", title, label)
			}
		}
	}
	return shown
}

// checkQueries has promtool read the queries, as rules.
func checkQueries(t *testing.T, queries []string) {
	t.Helper()
	type recording struct {
		Record string `json:"record"`
		Expr   string `json:"expr"`
	}
	rules := make([]recording, len(queries))
	for i, q := range queries {
		rules[i] = recording{fmt.Sprintf("dashboard:query:%d", i), q}
	}
	content, err := json.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "rules.yaml") // JSON is YAML
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	const promtool = "bin/promtool"
	for _, args := range [][]string{{"make", "-s", promtool}, {promtool, "check", "rules", file}} {
		command := exec.CommandContext(t.Context(), args[0], args[1:]...)
		command.Dir = env.Root
		if args[0] == promtool {
			command.Path = filepath.Join(env.Root, promtool)
		}
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
}
