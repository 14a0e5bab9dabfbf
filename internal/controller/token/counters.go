package token

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/measure"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

var (
	// replacements counts the role sets that were replaced in Astro.
	replacements = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "scopedtoken_token_role_replacements_total",
		Help: "Role sets of tokens that were replaced in Astro.",
	})

	// unseenDeletions counts the bindings that went with a claim while no watch ran.
	unseenDeletions = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "scopedtoken_token_unseen_deletions_total",
		Help: "Bindings that were deleted with their claim while the operator could not watch; their roles may be left in Astro.",
	})

	roleChanges = measure.Connections.Counter(prometheus.CounterOpts{
		Name: "scopedtoken_role_changes_total",
		Help: "Roles that Astro took from the operator, by the connection through which they were written and by change: granted, changed or revoked.",
	}, []string{"change"}, []string{"granted"}, []string{"changed"}, []string{"revoked"})

	driftFound = measure.Connections.Counter(prometheus.CounterOpts{
		Name: "scopedtoken_drift_found_total",
		Help: "Bindings that were found without the role that Astro held for them before, by connection.",
	}, nil)

	driftCorrected = measure.Connections.Counter(prometheus.CounterOpts{
		Name: "scopedtoken_drift_corrected_total",
		Help: "Bindings whose role the operator restored after somebody else had changed it, by connection.",
	}, nil)

	lineWaits = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "scopedtoken_line_wait_seconds",
		Help:    "How long tokens waited in line before they could be worked on or written with their credential.",
		Buckets: prometheus.ExponentialBuckets(0.05, 2, 12),
	})
)

// auditFailures counts the lines that are missing in the audit log.
var auditFailures = prometheus.NewCounter(prometheus.CounterOpts{
	Namespace: "scopedtoken", Subsystem: "audit", Name: "failures_total",
	Help: "Lines that could not be written to the audit log.",
})

// countChanges counts what a write that Astro took has changed.
func countChanges(through connection.Key, changes []decision.Change) {
	for _, c := range changes {
		switch {
		case c.From == "":
			roleChanges.Add(through, 1, "granted")
		case c.To == "":
			roleChanges.Add(through, 1, "revoked")
		default:
			roleChanges.Add(through, 1, "changed")
		}
	}
}

// countDrift counts what the status of a binding says of drift that it did not say before.
func countDrift(before, after *v1alpha1.ScopedTokenBinding) {
	found, corrected := measure.Drifted(before, after)
	if found {
		driftFound.Add(connectionOf(after), 1)
	}
	if corrected {
		driftCorrected.Add(connectionOf(after), 1)
	}
}
