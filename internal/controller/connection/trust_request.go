package connection

import (
	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// trustRequest is what somebody has said of a connection that the operator could not know by itself: by the annotation that asks
// for a look, that what Astro shows is what is there; by another credential, that its roles are meant.
type trustRequest struct {
	requestedAt *string // the annotation as last read
	requested   bool    // by it, and not passed on yet
	passed      bool    // to the directory, which has not listed with it yet
	handledAt   string  // the last that a listing was taken by

	replaced bool // the credential is another one, and that was not passed on yet
}

// read reports whether the annotation asks for a look. One that was set while no operator ran does, if an operator had
// reported on the connection before.
func (w *trustRequest) read(c v1alpha1.Connection) (asks bool) {
	value, status := c.GetAnnotations()[v1alpha1.AnnotationRequestedAt], c.ConnectionStatus()
	if w.requestedAt == nil {
		w.handledAt = status.LastHandledReconcileAt
		if status.ObservedGeneration <= 0 {
			w.handledAt = value
		}
		w.requestedAt = &w.handledAt
	}
	asks = value != "" && value != *w.requestedAt
	w.requestedAt, w.requested = &value, w.requested || asks
	return asks
}

// pass tells the directory of a credential that was just proven.
func (w *trustRequest) pass(a *access) {
	switch {
	case w.requested:
		a.directory.Trust()
		w.passed = true
	case w.replaced:
		a.directory.TrustRoles()
	default:
		return
	}
	a.directory.ExpireTargets()
	w.requested, w.replaced = false, false
}

// handled takes note of a listing that can be trusted.
func (w *trustRequest) handled() {
	if w.passed && !w.requested {
		w.passed, w.handledAt = false, *w.requestedAt
	}
}
