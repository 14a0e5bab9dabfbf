package measure

import (
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

// Connections are the series of connections, in the registry that the manager serves.
var Connections = NewSeries(metrics.Registry)

// ConnectionLabels name a connection in every metric about one.
var ConnectionLabels = []string{"kind", "namespace", "name"}

// LabelsOf are the values of ConnectionLabels.
func LabelsOf(k ref.Key) []string { return []string{string(k.Kind), k.Namespace, k.Name} }

// Series are metrics of which every connection has its own. They go with the connection: whoever still works with its client
// then makes no series of it anew.
type Series struct {
	to prometheus.Registerer

	mu      sync.RWMutex
	alive   map[ref.Key]struct{}
	vectors []vector
	starts  []func(ref.Key)
}

type vector interface {
	DeletePartialMatch(labels prometheus.Labels) int
}

// NewSeries makes series that are registered there.
func NewSeries(to prometheus.Registerer) *Series {
	return &Series{to: to, alive: map[ref.Key]struct{}{}}
}

// Begin lets series of the connection be made, and reports whether there were none before. Its counters begin at zero, so that an
// alert on an increase sees the first.
func (s *Series) Begin(k ref.Key) (begun bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.alive[k]; known {
		return false
	}
	s.alive[k] = struct{}{}
	for _, start := range s.starts {
		start(k)
	}
	return true
}

// End drops all series of the connection.
func (s *Series) End(k ref.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.alive, k)
	labels := prometheus.Labels{}
	for i, value := range LabelsOf(k) {
		labels[ConnectionLabels[i]] = value
	}
	for _, v := range s.vectors {
		v.DeletePartialMatch(labels)
	}
}

// while does something if the connection is not gone, and lets it not go meanwhile.
func (s *Series) while(k ref.Key, do func()) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if _, known := s.alive[k]; known {
		do()
	}
}

func (s *Series) add(c prometheus.Collector, v vector) {
	s.to.MustRegister(c)
	s.vectors = append(s.vectors, v)
}

// Counter counts something of each connection.
type Counter struct {
	series *Series
	vector *prometheus.CounterVec
}

// Counter makes a counter with more labels than those of the connection. It begins at zero for each of the given values; without
// labels it needs none.
func (s *Series) Counter(o prometheus.CounterOpts, labels []string, from ...[]string) Counter {
	c := Counter{series: s, vector: prometheus.NewCounterVec(o, slices.Concat(ConnectionLabels, labels))}
	s.add(c.vector, c.vector)
	if len(labels) == 0 {
		from = [][]string{nil}
	}
	s.starts = append(s.starts, func(k ref.Key) {
		for _, values := range from {
			c.vector.WithLabelValues(slices.Concat(LabelsOf(k), values)...)
		}
	})
	return c
}

// Add counts, with the values of the other labels.
func (c Counter) Add(k ref.Key, n int, values ...string) {
	c.series.while(k, func() { c.vector.WithLabelValues(slices.Concat(LabelsOf(k), values)...).Add(float64(n)) })
}

// Histogram is how something of each connection is distributed.
type Histogram struct {
	series *Series
	vector *prometheus.HistogramVec
}

// Histogram makes a histogram with more labels than those of the connection.
func (s *Series) Histogram(o prometheus.HistogramOpts, labels ...string) Histogram {
	h := Histogram{series: s, vector: prometheus.NewHistogramVec(o, slices.Concat(ConnectionLabels, labels))}
	s.add(h.vector, h.vector)
	return h
}

// Observe takes a value in, with the values of the other labels.
func (h Histogram) Observe(k ref.Key, v float64, values ...string) {
	h.series.while(k, func() { h.vector.WithLabelValues(slices.Concat(LabelsOf(k), values)...).Observe(v) })
}

// Gauge is a value of each connection.
type Gauge struct {
	series *Series
	vector *prometheus.GaugeVec
}

// Gauge makes a gauge.
func (s *Series) Gauge(o prometheus.GaugeOpts) Gauge {
	g := Gauge{series: s, vector: prometheus.NewGaugeVec(o, ConnectionLabels)}
	s.add(g.vector, g.vector)
	return g
}

// Set makes the connection have the value.
func (g Gauge) Set(k ref.Key, v float64) {
	g.series.while(k, func() { g.vector.WithLabelValues(LabelsOf(k)...).Set(v) })
}

// Flag is 1 for true and 0 for false.
func (g Gauge) Flag(k ref.Key, is bool) {
	v := 0.0
	if is {
		v = 1
	}
	g.Set(k, v)
}

// Clear leaves the connection without a value.
func (g Gauge) Clear(k ref.Key) { g.vector.DeleteLabelValues(LabelsOf(k)...) }
