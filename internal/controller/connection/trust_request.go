package connection

import (
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/quota"
)

const (
	// requestsPerSecond and requestBurst are the share of a namespace in requests by annotation for a look at Astro at once. Each is
	// a proof and a listing.
	requestsPerSecond, requestBurst = 0.1, 20
	// requestLater is when a request beyond that is answered, with all that come until then: the connection asks Astro no more
	// often than by its shortest sweep interval.
	requestLater = 10 * time.Second
)

// trustRequest is the annotation by which somebody says of a connection what the operator could not know by itself: that
// what Astro shows is what is there. Another credential says the same of its roles.
type trustRequest struct {
	requestedAt *string   // the annotation as last read
	countsAt    time.Time // when one counts that is beyond the share of its namespace; zero if there is none
	requested   bool      // by it, and not passed on yet
	passed      bool      // to the directory, which has not listed with it yet
	handledAt   string    // the last that a listing was taken by
}

// read reports whether the annotation asks for a look that is to be made now. One that was set while no operator ran does, if an
// operator had reported on the connection before.
func (w *trustRequest) read(c v1alpha1.Connection, share *quota.Quota, now time.Time) (asks bool) {
	value, status := c.GetAnnotations()[v1alpha1.AnnotationRequestedAt], c.ConnectionStatus()
	if w.requestedAt == nil {
		w.handledAt = status.LastHandledReconcileAt
		if status.ObservedGeneration <= 0 {
			w.handledAt = value
		}
		w.requestedAt = &w.handledAt
	}
	asks = value != "" && value != *w.requestedAt
	if asks && w.countsAt.IsZero() && !share.Take(c.GetNamespace(), now) {
		w.countsAt = now.Add(requestLater)
	}
	if asks && now.Before(w.countsAt) {
		return false
	}
	w.countsAt = time.Time{}
	w.requestedAt, w.requested = &value, w.requested || asks
	return asks
}

// pass tells the directory of a credential that was just proven, and that may have replaced another one.
func (w *trustRequest) pass(a *access, replaced bool) {
	switch {
	case w.requested:
		a.directory.Trust()
		w.passed = true
	case replaced:
		a.directory.TrustRoles()
	default:
		return
	}
	a.directory.ExpireTargets()
	w.requested = false
}

// handled takes note of a listing that can be trusted.
func (w *trustRequest) handled() {
	if w.passed && !w.requested {
		w.passed, w.handledAt = false, *w.requestedAt
	}
}
