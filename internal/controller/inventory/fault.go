package inventory

import (
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// fault is what keeps an inventory from being Ready: the condition it shows on, and what that condition says.
type fault struct {
	condition string
	status    metav1.ConditionStatus
	reason    string
	message   string

	// private faults take away what was listed before: the namespace may not, or no longer, see it.
	private bool
	// passing faults go away by themselves; an inventory that is Ready stays as it is meanwhile.
	passing bool
	// stuck faults go away only if somebody does something, although nobody could look.
	stuck bool
	// err is to be tried again.
	err error
}

func not(condition, reason, format string, args ...any) *fault {
	return &fault{condition: condition, status: metav1.ConditionFalse, reason: reason, message: fmt.Sprintf(format, args...)}
}

func unknown(condition, reason, format string, args ...any) *fault {
	return &fault{condition: condition, status: metav1.ConditionUnknown, reason: reason, message: fmt.Sprintf(format, args...)}
}

// stalls reports whether nothing gets better until somebody changes something.
func (f *fault) stalls() bool { return f.stuck || f.status == metav1.ConditionFalse }

// failed is the fault that an error of Astro's API means.
func failed(condition, doing string, err error) *fault {
	f := unknown(condition, v1alpha1.ReasonUnreachable, "%s: %v", doing, err)
	f.err, f.passing = err, true
	switch {
	case errors.Is(err, astro.ErrForbidden):
		f.status, f.reason, f.passing = metav1.ConditionFalse, v1alpha1.ReasonPermissionDenied, false
		f.message += "; give the connection's API token a role that may see it, such as ORGANIZATION_OWNER"
	case errors.Is(err, astro.ErrUnauthorized):
		f.reason = v1alpha1.ReasonCredentialRejected
	case errors.Is(err, astro.ErrThrottled):
		f.reason = v1alpha1.ReasonRateLimited
	case errors.Is(err, astro.ErrIncomplete):
		f.reason = v1alpha1.ReasonListIncomplete
	}
	return f
}
