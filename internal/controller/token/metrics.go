package token

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// replacements counts the role sets that were replaced in Astro.
var replacements = prometheus.NewCounter(prometheus.CounterOpts{
	Namespace: "scopedtoken", Subsystem: "token", Name: "role_replacements_total",
	Help: "Role sets of tokens that were replaced in Astro.",
})

func init() { //nolint:gochecknoinits // controller-runtime's registry is filled this way
	metrics.Registry.MustRegister(replacements, bindings)
}
