package measure

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// AlteredLeases counts records of the lease that no replica has written.
var AlteredLeases = prometheus.NewCounter(prometheus.CounterOpts{
	Namespace: "scopedtoken", Name: "lease_altered_total",
	Help: "Records found in the lease that no replica of the operator writes: somebody else has written it.",
})

func init() { //nolint:gochecknoinits // controller-runtime's registry is filled this way
	metrics.Registry.MustRegister(AlteredLeases)
}
