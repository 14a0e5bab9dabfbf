package connection

import (
	"math/rand/v2"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

// notReady is a fault that somebody has to fix.
func notReady(reason, format string, args ...any) *fault.Fault {
	return fault.NotTrue(v1alpha1.ConditionReady, reason, format, args...)
}

// transient is the fault as one that takes nothing from a credential that was proven: it shows on the connection only. It
// goes away by itself unless it needs a user.
func transient(f *fault.Fault, needsUser bool) *fault.Fault {
	same := *f
	same.Status, same.Transient, same.NeedsUser = metav1.ConditionUnknown, true, needsUser
	return &same
}

// fromAstroError is the fault that an error of Astro's API means for a connection, which is where a credential that was
// refused has to be renewed.
func fromAstroError(doing string, err error) *fault.Fault {
	f := fault.FromAstroError(v1alpha1.ConditionReady, doing, astro.ToOwner(err))
	if f.Reason == v1alpha1.ReasonCredentialRejected {
		f.Status, f.Transient = metav1.ConditionFalse, false
	}
	return f
}

const (
	// firstRetry is how long after a transient fault Astro is asked again; it doubles up to the sweep interval.
	firstRetry = 5 * time.Second
	// jitter is the share by which waits differ, so that connections do not sweep in step.
	jitter = 0.1
)

// retryAfter is how long to wait after the fault, the next of so many transient ones in a row. Astro may ask for more.
func retryAfter(f *fault.Fault, interval time.Duration, failures int) time.Duration {
	if !f.Transient {
		return spread(interval)
	}
	return max(astro.RetryAfter(f.Err), spread(backoff(interval, failures)))
}

// backoff is how long to wait after so many failures before: longer and longer, and at most the interval.
func backoff(interval time.Duration, failures int) time.Duration {
	return min(interval, firstRetry<<min(failures, 10))
}

// spread is a duration that is up to a tenth shorter or longer.
func spread(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (1 + jitter*(2*rand.Float64()-1)))
}
