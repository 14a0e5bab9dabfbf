package measure

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

var (
	acme  = ref.Key{Kind: "AstroConnection", Namespace: "data", Name: "acme"}
	whole = ref.Key{Kind: "ClusterAstroConnection", Name: "acme"}
)

func TestSeriesGoWithTheirConnection(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	s := NewSeries(registry)
	calls := s.Counter(prometheus.CounterOpts{Name: "calls_total", Help: "h"}, []string{"code"}, []string{"200"})
	plain := s.Counter(prometheus.CounterOpts{Name: "plain_total", Help: "h"}, nil)
	took := s.Histogram(prometheus.HistogramOpts{Name: "took_seconds", Help: "h", Buckets: []float64{1}}, "verb")
	ready := s.Gauge(prometheus.GaugeOpts{Name: "ready", Help: "h"})
	record := func(k ref.Key) {
		calls.Add(k, 2, "429")
		plain.Add(k, 1)
		took.Observe(k, 0.5, "GET")
		ready.Flag(k, true)
	}
	expect := func(when, want string, names ...string) {
		t.Helper()
		if err := testutil.GatherAndCompare(registry, strings.NewReader(want), names...); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	record(acme)
	expect("nothing is known of a connection that has not begun", "")
	if !s.Begin(acme) {
		t.Error("the series of acme begin only now")
	}
	expect("counters begin at zero", `
# HELP calls_total h
# TYPE calls_total counter
calls_total{code="200",kind="AstroConnection",name="acme",namespace="data"} 0
# HELP plain_total h
# TYPE plain_total counter
plain_total{kind="AstroConnection",name="acme",namespace="data"} 0
`)
	s.Begin(whole)
	record(acme)
	record(whole)
	if s.Begin(acme) {
		t.Error("they had begun already")
	}
	s.End(acme)
	record(acme)
	expect("the other one keeps its series, and the one that is gone leaves none, whoever still counts", `
# HELP calls_total h
# TYPE calls_total counter
calls_total{code="200",kind="ClusterAstroConnection",name="acme",namespace=""} 0
calls_total{code="429",kind="ClusterAstroConnection",name="acme",namespace=""} 2
# HELP plain_total h
# TYPE plain_total counter
plain_total{kind="ClusterAstroConnection",name="acme",namespace=""} 1
# HELP ready h
# TYPE ready gauge
ready{kind="ClusterAstroConnection",name="acme",namespace=""} 1
# HELP took_seconds h
# TYPE took_seconds histogram
took_seconds_bucket{kind="ClusterAstroConnection",name="acme",namespace="",verb="GET",le="1"} 1
took_seconds_bucket{kind="ClusterAstroConnection",name="acme",namespace="",verb="GET",le="+Inf"} 1
took_seconds_sum{kind="ClusterAstroConnection",name="acme",namespace="",verb="GET"} 0.5
took_seconds_count{kind="ClusterAstroConnection",name="acme",namespace="",verb="GET"} 1
`)
	ready.Clear(whole)
	expect("a value that there is none of any more is not there", "", "ready")
}
