package token

import (
	"errors"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// outcome gathers what a reconcile met, so that one member's trouble keeps nobody else from being worked on.
type outcome struct {
	mu    sync.Mutex
	look  *fault // why nobody could look at the token
	errs  []error
	again time.Duration
}

// retry asks for another reconcile because of an error: after the time Astro asks for, or with the queue's backoff. A
// credential that was refused is not tried again: the connection tells when it has another.
func (o *outcome) retry(err error) {
	if errors.Is(err, astro.ErrUnauthorized) {
		return
	}
	if wait := retryIn(err); wait > 0 {
		o.after(wait)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.errs = append(o.errs, err)
}

// unwritten asks for another reconcile because of a write to Kubernetes that failed. That somebody else was first is no
// error: the next look starts from what they wrote.
func (o *outcome) unwritten(err error) {
	if apierrors.IsConflict(err) {
		o.after(5 * echoDelay)
		return
	}
	o.retry(err)
}

// after asks for another reconcile in a while; the soonest wish counts.
func (o *outcome) after(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if d > 0 && (o.again == 0 || d < o.again) {
		o.again = d
	}
}

// result is what the work queue is told. A retry is an error, a wait is a time, and a steady state asks for nothing.
func (o *outcome) result() (reconcile.Result, error) {
	if len(o.errs) > 0 {
		return reconcile.Result{}, errors.Join(o.errs...)
	}
	return reconcile.Result{RequeueAfter: o.again}, nil
}
