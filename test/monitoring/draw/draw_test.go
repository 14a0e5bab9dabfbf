package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql"
)

const (
	scrapes   = "testdata"
	dashboard = "../../../config/grafana/dashboard.json"
)

// TestAnswer: what a panel asks for is answered from the scrapes, at their times, and named after the labels.
func TestAnswer(t *testing.T) {
	s, err := load(t.Context(), scrapes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	cases := map[string]struct {
		reason, expr, legend string
		want                 map[string][]float64
	}{
		"Gauge":    {"A value a scrape, and a series that ended is no more.", "scopedtoken_bindings", "{{ready}} {{reason}}", map[string][]float64{"True Granted": {2, 2, 3, 3, 4, 4, 4}, "False TokenNotFound": {1, 1, 1, 1, 1, 1}}},
		"Selected": {"Every connection is chosen.", `sum(scopedtoken_connection_ready{kind=~"$kind",namespace=~"$namespace",name=~"$name"})`, "", map[string][]float64{"": {1, 1, 1, 1, 1, 1, 1}}},
		"Increase": {"Over what Grafana would take for the interval.", "increase(scopedtoken_role_changes_total[$__rate_interval]) > bool 0", "{{ change }}", map[string][]float64{"granted": {1, 1, 1, 1, 1}}},
		"Nothing":  {"A metric that is not there.", "scopedtoken_nothing", "", map[string][]float64{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := panel{Title: name}
			p.Targets = append(p.Targets, struct {
				Expr   string `json:"expr"`
				Legend string `json:"legendFormat"`
			}{tc.expr, tc.legend})
			lines, err := s.answer(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			if len(lines) != len(tc.want) {
				t.Errorf("%s want %d lines, got %v", tc.reason, len(tc.want), lines)
			}
			for _, l := range lines {
				var got []float64
				for _, point := range l.points {
					got = append(got, point.F)
				}
				if want := tc.want[l.name]; len(got) != len(want) || !equal(got, want) {
					t.Errorf("%s %q: want %v, got %v", tc.reason, l.name, want, got)
				}
			}
		})
	}
}

func equal(a, b []float64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestPath(t *testing.T) {
	minute := int64(60_000)
	cases := map[string]struct {
		reason string
		points []promql.FPoint
		want   string
	}{
		"Line": {"From the left edge to the right, zero at the bottom.", []promql.FPoint{{T: 0, F: 0}, {T: minute, F: 10}}, "M0.0 100.0L600.0 0.0"},
		"Gap":  {"What was not scraped is not drawn.", []promql.FPoint{{T: 0, F: 5}, {T: 10 * minute, F: 5}}, "M0.0 50.0M600.0 50.0"},
		"Odd":  {"What is no number is a gap.", []promql.FPoint{{T: 0, F: 5}, {T: minute / 2, F: nan()}, {T: minute, F: 5}}, "M0.0 50.0M600.0 50.0"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := path(tc.points, 0, tc.points[len(tc.points)-1].T, 10, 100); got != tc.want {
				t.Errorf("%s\nwant %s\ngot  %s", tc.reason, tc.want, got)
			}
		})
	}
}

func nan() float64 { zero := 0.0; return zero / zero }

func TestRoundUp(t *testing.T) {
	for value, want := range map[float64]float64{0: 1, 0.3: 0.5, 1: 1, 1.2: 2, 49: 50, 51: 100, 200: 200} {
		if got := roundUp(value); got < want*0.999 || got > want*1.001 {
			t.Errorf("%v: want %v, got %v", value, want, got)
		}
	}
}

// TestPage draws the whole dashboard, and leaves the page where STB_PAGES says, for the browser.
func TestPage(t *testing.T) {
	folder := os.Getenv("STB_PAGES")
	if folder == "" {
		folder = t.TempDir()
	}
	out := filepath.Join(folder, "dashboard.html")
	if err := run(t.Context(), scrapes, dashboard, out); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	panels, err := read(dashboard)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range panels {
		if !strings.Contains(string(content), "<h2>"+p.Title+"</h2>") {
			t.Errorf("the page has no panel %s", p.Title)
		}
	}
}

// TestRefuses: what cannot be drawn is an error, not an empty page.
func TestRefuses(t *testing.T) {
	if _, err := load(t.Context(), t.TempDir()); err == nil {
		t.Error("a folder without scrapes is drawn")
	}
	if _, err := parse([]byte("scopedtoken_bindings 1\n")); err == nil {
		t.Error("a sample without a time is taken")
	}
}
