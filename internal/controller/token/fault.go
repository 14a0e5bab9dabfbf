package token

import (
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// fault is what keeps a member from being Ready: the condition it shows on, and what that condition says.
type fault struct {
	condition string
	status    metav1.ConditionStatus
	reason    string
	message   string

	// stuck faults go away only if somebody does something, although nobody could look.
	stuck bool
	// passing faults go away by themselves; members that were settled keep their status meanwhile.
	passing bool
	// silent faults are not worth a status: somebody is about to look again.
	silent bool
	// refused faults are Astro's no to a change.
	refused bool
	// withdrawn faults refuse a claim that was allowed once.
	withdrawn bool
}

// not is a fault found by looking.
func not(condition, reason, format string, args ...any) *fault {
	return &fault{condition: condition, status: metav1.ConditionFalse, reason: reason, message: fmt.Sprintf(format, args...)}
}

// unknown is a fault that kept the operator from looking.
func unknown(condition, reason, format string, args ...any) *fault {
	return &fault{condition: condition, status: metav1.ConditionUnknown, reason: reason, message: fmt.Sprintf(format, args...)}
}

// stalls reports whether nothing gets better until somebody changes something.
func (f *fault) stalls() bool {
	if f.stuck {
		return true
	}
	return f.status == metav1.ConditionFalse && f.reason != v1alpha1.ReasonRevoking && f.reason != v1alpha1.ReasonDriftDetected
}

// failed turns an error of Astro's API into a fault of the given condition. Astro's message and request id are part of
// the error's text.
func failed(condition, doing string, err error) *fault {
	f := unknown(condition, v1alpha1.ReasonUnreachable, "%s: %v", doing, err)
	switch {
	case errors.Is(err, errRolesUnknown):
		f.reason = v1alpha1.ReasonListIncomplete
	case errors.Is(err, astro.ErrThrottled):
		f.reason, f.passing = v1alpha1.ReasonRateLimited, true
		f.message += "; the operator slows down and tries again by itself"
	case errors.Is(err, astro.ErrUnauthorized):
		f.reason, f.passing = v1alpha1.ReasonCredentialRejected, true
		f.message += "; renew the API token in the connection's Secret"
	case errors.Is(err, astro.ErrForbidden):
		f.status, f.reason = metav1.ConditionFalse, v1alpha1.ReasonPermissionDenied
		f.message += "; give the connection's API token a role that may do this, such as ORGANIZATION_OWNER"
	case errors.Is(err, astro.ErrIncomplete):
		f.reason, f.passing = v1alpha1.ReasonListIncomplete, true
	case errors.Is(err, astro.ErrInvalid):
		f.status, f.reason = metav1.ConditionFalse, v1alpha1.ReasonRefusedByAstro
		f.message += "; correct the binding, or ask Astro's support with the request id"
	default:
		f.passing = true
	}
	return f
}

// refused reports whether Astro understood the request and said no, so that asking for less may help.
func refused(err error) bool {
	return errors.Is(err, astro.ErrInvalid) || errors.Is(err, astro.ErrForbidden)
}

// retryIn is how long to wait after an error that asks to wait, or 0 where the queue's own backoff is right.
func retryIn(err error) time.Duration {
	if !errors.Is(err, astro.ErrThrottled) {
		return 0
	}
	return max(astro.RetryAfter(err), time.Second)
}
