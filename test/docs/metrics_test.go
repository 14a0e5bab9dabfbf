package docs

import (
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	_ "github.com/scopedtoken/scopedtoken-operator/internal/controller/connection" // registers metrics
	_ "github.com/scopedtoken/scopedtoken-operator/internal/controller/inventory"
	_ "github.com/scopedtoken/scopedtoken-operator/internal/controller/token"
)

var (
	metric   = regexp.MustCompile(`\b(scopedtoken|leader_election)_[a-z_]+`)
	ownRow   = regexp.MustCompile("(?m)^\\| `(scopedtoken_[a-z_]+)")
	metricOf = regexp.MustCompile(`fqName: "([a-z_]+)"`)
)

// TestMetrics compares the metrics with their table, and looks for those that pages speak of, in alerts above all.
func TestMetrics(t *testing.T) {
	known := registered(t)
	own := slices.DeleteFunc(slices.Clone(known), func(name string) bool { return !metric.MatchString(name) || name[0] != 's' })
	var rows []string
	for _, row := range ownRow.FindAllStringSubmatch(read(t, filepath.Join("docs", "operating.md")).text, -1) {
		rows = append(rows, row[1])
	}
	slices.Sort(rows)
	if d := cmp.Diff(own, rows); d != "" {
		t.Errorf("metrics and their table in docs/operating.md (-metrics +table)\n%s", d)
	}
	for _, p := range pages(t) {
		for _, name := range metric.FindAllString(p.text, -1) {
			if !slices.Contains(known, name) {
				t.Errorf("%s speaks of the metric %s, which there is not", p.path, name)
			}
		}
	}
}

// registered are the names of all metrics of the operator, controller-runtime's among them.
func registered(t *testing.T) (names []string) {
	t.Helper()
	all, ok := metrics.Registry.(prometheus.Collector)
	if !ok {
		t.Fatal("the registry does not describe itself")
	}
	descriptions := make(chan *prometheus.Desc, 1000)
	all.Describe(descriptions)
	close(descriptions)
	for d := range descriptions {
		if found := metricOf.FindStringSubmatch(d.String()); found != nil {
			names = append(names, found[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
