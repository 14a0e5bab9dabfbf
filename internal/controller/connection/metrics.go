package connection

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

var (
	requestsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "scopedtoken_astro_requests_total",
		Help: "Requests to Astro, by method, endpoint and outcome.",
	}, []string{"method", "endpoint", "outcome"})

	requestSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "scopedtoken_astro_request_duration_seconds",
		Help:    "How long requests to Astro took, by method and endpoint.",
		Buckets: prometheus.ExponentialBuckets(0.02, 2, 11),
	}, []string{"method", "endpoint"})

	sweepsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
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

	readyGauge = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "scopedtoken_connection_ready",
		Help: "1 while a connection is Ready, 0 otherwise.",
	}, connectionLabels)

	expiryGauge = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "scopedtoken_connection_credential_expiry_timestamp_seconds",
		Help: "When a connection's credential expires; absent if it never does.",
	}, connectionLabels)

	pausedGauge = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "scopedtoken_connection_revocations_paused",
		Help: "1 while a connection revokes nothing because its revocation limit was reached, 0 otherwise.",
	}, connectionLabels)

	connectionLabels = []string{"kind", "namespace", "name"}
)

func init() { //nolint:gochecknoinits // controller-runtime's registry is filled this way
	metrics.Registry.MustRegister(requestsTotal, requestSeconds, sweepsTotal, sweepSeconds, lastSweep, readyGauge, expiryGauge, pausedGauge)
}

// countRequest counts a request to Astro.
func countRequest(method, endpoint, outcome string, d time.Duration) {
	requestsTotal.WithLabelValues(method, endpoint, outcome).Inc()
	requestSeconds.WithLabelValues(method, endpoint).Observe(d.Seconds())
}

func countSweep(k Key, f *fault.Fault, d time.Duration, now time.Time) {
	sweepSeconds.Observe(d.Seconds())
	if f != nil {
		sweepsTotal.WithLabelValues(f.Reason).Inc()
		return
	}
	sweepsTotal.WithLabelValues("ok").Inc()
	lastSweep.WithLabelValues(labelsOf(k)...).Set(float64(now.Unix()))
}

// showStatus shows what the status says.
func showStatus(c v1alpha1.Connection) {
	labels, status := labelsOf(KeyOf(c)), c.ConnectionStatus()
	ready := 0.0
	if meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReady) {
		ready = 1
	}
	readyGauge.WithLabelValues(labels...).Set(ready)
	limited := 0.0
	if meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionRevocationsPaused) {
		limited = 1
	}
	pausedGauge.WithLabelValues(labels...).Set(limited)
	if status.CredentialExpiresAt == nil {
		expiryGauge.DeleteLabelValues(labels...)
		return
	}
	expiryGauge.WithLabelValues(labels...).Set(float64(status.CredentialExpiresAt.Unix()))
}

func dropMetrics(k Key) {
	for _, gauge := range []*prometheus.GaugeVec{lastSweep, readyGauge, expiryGauge, pausedGauge} {
		gauge.DeleteLabelValues(labelsOf(k)...)
	}
}

func labelsOf(k Key) []string { return []string{string(k.Kind), k.Namespace, k.Name} }
