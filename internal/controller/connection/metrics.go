package connection

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

var (
	requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "scopedtoken_astro_requests_total",
		Help: "Requests to Astro, by method, endpoint and outcome.",
	}, []string{"method", "endpoint", "outcome"})

	requestSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "scopedtoken_astro_request_duration_seconds",
		Help:    "How long requests to Astro took, by method and endpoint.",
		Buckets: prometheus.ExponentialBuckets(0.02, 2, 11),
	}, []string{"method", "endpoint"})

	sweeps = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "scopedtoken_sweeps_total",
		Help: "Listings of an Organization's tokens, by outcome: ok or the reason of the fault.",
	}, []string{"outcome"})

	sweepSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "scopedtoken_sweep_duration_seconds",
		Help:    "How long listings of an Organization's tokens took.",
		Buckets: prometheus.ExponentialBuckets(0.05, 2, 11),
	})

	lastSweep = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "scopedtoken_connection_last_sweep_timestamp_seconds",
		Help: "When a connection's tokens were last listed without a fault.",
	}, connectionLabels)

	readiness = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "scopedtoken_connection_ready",
		Help: "1 while a connection is Ready, 0 otherwise.",
	}, connectionLabels)

	expiry = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "scopedtoken_connection_credential_expiry_timestamp_seconds",
		Help: "When a connection's credential expires; absent if it never does.",
	}, connectionLabels)

	paused = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "scopedtoken_connection_revocations_paused",
		Help: "1 while a connection revokes nothing because its revocation limit was reached, 0 otherwise.",
	}, connectionLabels)

	connectionLabels = []string{"kind", "namespace", "name"}
)

func init() { //nolint:gochecknoinits // controller-runtime's registry is filled this way
	metrics.Registry.MustRegister(requests, requestSeconds, sweeps, sweepSeconds, lastSweep, readiness, expiry, paused)
}

// observe counts a request to Astro.
func observe(method, endpoint, outcome string, d time.Duration) {
	requests.WithLabelValues(method, endpoint, outcome).Inc()
	requestSeconds.WithLabelValues(method, endpoint).Observe(d.Seconds())
}

func countSweep(k Key, f *fault, d time.Duration, now time.Time) {
	sweepSeconds.Observe(d.Seconds())
	if f != nil {
		sweeps.WithLabelValues(f.reason).Inc()
		return
	}
	sweeps.WithLabelValues("ok").Inc()
	lastSweep.WithLabelValues(labelsOf(k)...).Set(float64(now.Unix()))
}

// setMetrics shows what the status says.
func setMetrics(c v1alpha1.Connection) {
	labels, status := labelsOf(KeyOf(c)), c.ConnectionStatus()
	ready := 0.0
	if meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReady) {
		ready = 1
	}
	readiness.WithLabelValues(labels...).Set(ready)
	limited := 0.0
	if meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionRevocationsPaused) {
		limited = 1
	}
	paused.WithLabelValues(labels...).Set(limited)
	if status.CredentialExpiresAt == nil {
		expiry.DeleteLabelValues(labels...)
		return
	}
	expiry.WithLabelValues(labels...).Set(float64(status.CredentialExpiresAt.Unix()))
}

func dropMetrics(k Key) {
	for _, gauge := range []*prometheus.GaugeVec{lastSweep, readiness, expiry, paused} {
		gauge.DeleteLabelValues(labelsOf(k)...)
	}
}

func labelsOf(k Key) []string { return []string{string(k.Kind), k.Namespace, k.Name} }
