package connection

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// firstFault is what is wrong with a connection: the reason and message of its Ready condition. Neither ever holds a secret.
type fault struct {
	reason, message string

	// transient faults go away by themselves. They show on the connection only: a credential that was proven still counts.
	transient bool
	// needsUser: those among them that do not, but take nothing from the credential either.
	needsUser bool
	// wait is how long Astro asks to be left alone.
	wait time.Duration
	// gist is the message without what differs from one call to the next.
	gist string
}

// newFault is a fault that somebody has to fix.
func newFault(reason, format string, args ...any) *fault {
	message := fmt.Sprintf(format, args...)
	return &fault{reason: reason, message: message, gist: message}
}

// asTransient is the fault as one that goes away by itself; or, if it needs a user, that takes nothing from the credential.
func (f fault) asTransient(needsUser bool) *fault {
	f.transient, f.needsUser = true, needsUser
	return &f
}

// withGist is the fault with another gist than its message.
func (f fault) withGist(gist string) *fault {
	f.gist = gist
	return &f
}

// fromAstroError is the fault that an error of Astro's API means.
func fromAstroError(doing string, err error) *fault {
	f := &fault{reason: v1alpha1.ReasonUnreachable, transient: true, wait: astro.RetryAfter(err)}
	next := "the operator tries again by itself, and leaves the bindings as they are meanwhile"
	switch {
	case errors.Is(err, astro.ErrUnauthorized):
		f.reason, f.transient = v1alpha1.ReasonCredentialRejected, false
		next = "put a valid API token in the Secret; until it changes the operator tries once a sweep interval"
	case errors.Is(err, astro.ErrForbidden):
		f.reason, f.transient = v1alpha1.ReasonPermissionDenied, false
		next = "give the API token a role that may do this, such as ORGANIZATION_OWNER"
	case errors.Is(err, astro.ErrThrottled):
		f.reason = v1alpha1.ReasonRateLimited
		next = "the operator slows down by itself; lower spec.rateLimit if others need the credential's budget"
	case errors.Is(err, astro.ErrIncomplete):
		f.reason = v1alpha1.ReasonListIncomplete
	}
	f.message = fmt.Sprintf("%s: %v; %s", doing, err, next)
	f.gist = withoutRequest(f.message, err)
	return f
}

// withoutRequest takes the id of the request out of a message, since it differs at each call.
func withoutRequest(message string, err error) string {
	e, ok := errors.AsType[*astro.Error](err)
	if !ok || e.RequestID == "" {
		return message
	}
	return strings.ReplaceAll(message, e.RequestID, "")
}

// keepMessage is the fault as it was said before, if it is the same but for the id of the request: a fault that lasts is
// written down once.
func (f *fault) keepMessage(before *fault) *fault {
	if f == nil || before == nil || f.reason != before.reason || f.gist != before.gist {
		return f
	}
	same := *f
	same.message = before.message
	return &same
}

const (
	// firstRetry is how long after a transient fault Astro is asked again; it doubles up to the sweep interval.
	firstRetry = 5 * time.Second
	// jitter is the share by which waits differ, so that connections do not sweep in step.
	jitter = 0.1
)

// retryAfter is how long to wait after the fault, the next of so many transient ones in a row.
func (f *fault) retryAfter(interval time.Duration, failures int) time.Duration {
	if !f.transient {
		return spread(interval)
	}
	return max(f.wait, spread(backoff(interval, failures)))
}

// backoff is how long to wait after so many failures before: longer and longer, and at most the interval.
func backoff(interval time.Duration, failures int) time.Duration {
	return min(interval, firstRetry<<min(failures, 10))
}

// spread is a duration that is up to a tenth shorter or longer.
func spread(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (1 + jitter*(2*rand.Float64()-1)))
}
