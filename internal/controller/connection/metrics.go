package connection

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/measure"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

var (
	requestsTotal = measure.Connections.Counter(prometheus.CounterOpts{
		Name: "scopedtoken_astro_requests_total",
		Help: "Requests to Astro, by connection, method, endpoint, outcome and HTTP status code.",
	}, []string{"method", "endpoint", "outcome", "code"})

	requestSeconds = measure.Connections.Histogram(prometheus.HistogramOpts{
		Name:    "scopedtoken_astro_request_duration_seconds",
		Help:    "How long requests to Astro took, by connection, method and endpoint.",
		Buckets: prometheus.ExponentialBuckets(0.02, 2, 11),
	}, "method", "endpoint")

	sweepsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "scopedtoken_sweeps_total",
		Help: "Listings of an Organization's tokens, by outcome: ok or the reason of the fault.",
	}, []string{"outcome"})

	sweepSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "scopedtoken_sweep_duration_seconds",
		Help:    "How long listings of an Organization's tokens took.",
		Buckets: prometheus.ExponentialBuckets(0.05, 2, 11),
	})

	listingMemory = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "scopedtoken_listing_memory_bytes",
		Help: "Memory that is held for what all connections list, as it is counted against its bound.",
	})

	lastSweep = measure.Connections.Gauge(prometheus.GaugeOpts{
		Name: "scopedtoken_connection_last_sweep_timestamp_seconds",
		Help: "When a connection's last complete sweep ended: its tokens were listed and its targets looked at without a fault. " +
			"Before the first of this process, when the process first looked at the connection.",
	})

	sweepInterval = measure.Connections.Gauge(prometheus.GaugeOpts{
		Name: "scopedtoken_connection_sweep_interval_seconds",
		Help: "The sweep interval of a connection.",
	})

	readyGauge = measure.Connections.Gauge(prometheus.GaugeOpts{
		Name: "scopedtoken_connection_ready",
		Help: "1 while a connection is Ready, 0 otherwise.",
	})

	expiryGauge = measure.Connections.Gauge(prometheus.GaugeOpts{
		Name: "scopedtoken_connection_credential_expiry_timestamp_seconds",
		Help: "When a connection's credential expires; absent if it never does.",
	})

	pausedGauge = measure.Connections.Gauge(prometheus.GaugeOpts{
		Name: "scopedtoken_connection_revocations_paused",
		Help: "1 while a connection revokes nothing because its revocation limit was reached, 0 otherwise.",
	})
)

func init() { //nolint:gochecknoinits // controller-runtime's registry is filled this way
	metrics.Registry.MustRegister(sweepsTotal, sweepSeconds, listingMemory)
}

// begin lets the connection have series. Its last sweep counts from now, so that an alert sees one that never comes.
func begin(k Key, now time.Time) {
	if measure.Connections.Begin(k) {
		lastSweep.Set(k, float64(now.Unix()))
	}
}

// countRequest counts the requests to Astro that are made for the connection.
func countRequest(k Key) func(method, endpoint, outcome string, status int, d time.Duration) {
	return func(method, endpoint, outcome string, status int, d time.Duration) {
		requestsTotal.Add(k, 1, method, endpoint, outcome, codeOf(status))
		requestSeconds.Observe(k, d.Seconds(), method, endpoint)
	}
}

// codeOf is the status code of an answer: "none" without one, and "other" for what no server should send, so that nobody can
// make up any number of them.
func codeOf(status int) string {
	switch {
	case status == 0:
		return "none"
	case http.StatusText(status) == "":
		return "other"
	default:
		return strconv.Itoa(status)
	}
}

func countSweep(k Key, f *fault.Fault, d time.Duration, now time.Time) {
	sweepSeconds.Observe(d.Seconds())
	if f != nil {
		sweepsTotal.WithLabelValues(f.Reason).Inc()
		return
	}
	sweepsTotal.WithLabelValues("ok").Inc()
	lastSweep.Set(k, float64(now.Unix()))
}

// showStatus shows what the status says.
func showStatus(c v1alpha1.Connection) {
	key, status := KeyOf(c), c.ConnectionStatus()
	readyGauge.Flag(key, meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReady))
	pausedGauge.Flag(key, meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionRevocationsPaused))
	sweepInterval.Set(key, intervalOf(c).Seconds())
	if status.CredentialExpiresAt == nil {
		expiryGauge.Clear(key)
		return
	}
	expiryGauge.Set(key, float64(status.CredentialExpiresAt.Unix()))
}
