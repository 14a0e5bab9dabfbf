package fault

import (
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// meaning is what one kind of error of Astro's API says.
type meaning struct {
	kind      error
	reason    string
	refuses   bool // Astro looked and said no, so the condition is False
	transient bool
	next      string // what to do, appended to the message
}

// ErrRolesUnknown says that an answer does not show the roles of the token. It is no answer: nothing must be taken for
// free because of it.
var ErrRolesUnknown = errors.New("the answer does not show the roles of the token")

// again is what there is to do about what goes away by itself.
const again = "; the operator tries again by itself"

// meanings are asked in their order; an error that none of them knows is a transient Unreachable.
var meanings = []meaning{
	{kind: ErrRolesUnknown, reason: v1alpha1.ReasonListIncomplete},
	{
		kind: astro.ErrThrottled, reason: v1alpha1.ReasonRateLimited, transient: true,
		next: "; the operator slows down and tries again by itself",
	},
	{
		kind: astro.ErrUnauthorized, reason: v1alpha1.ReasonCredentialRejected, transient: true,
		next: "; put a valid API token in the connection's Secret",
	},
	{
		kind: astro.ErrForbidden, reason: v1alpha1.ReasonPermissionDenied, refuses: true,
		next: "; give the connection's API token a role that may do this, such as ORGANIZATION_OWNER",
	},
	{kind: astro.ErrIncomplete, reason: v1alpha1.ReasonListIncomplete, transient: true, next: again},
	{
		kind: astro.ErrInvalid, reason: v1alpha1.ReasonRefusedByAstro, refuses: true,
		next: "; correct what is declared, or ask whoever runs the operator: its log has Astro's answer, by the request id",
	},
}

// FromAstroError is the fault that an error of Astro's API means for the condition. The text of such an error has the id of the
// request, and nothing of what was answered.
func FromAstroError(condition, doing string, err error) *Fault {
	f := CouldNotCheck(condition, v1alpha1.ReasonUnreachable, "%s: %v", doing, err)
	f.Err = err
	for _, m := range meanings {
		if !errors.Is(err, m.kind) {
			continue
		}
		f.Reason, f.Transient = m.reason, m.transient
		f.Message += m.next
		if m.refuses {
			f.Status = metav1.ConditionFalse
		}
		return f
	}
	f.Transient = true
	f.Message += again
	return f
}

// Refused reports whether Astro understood the request and said no, so that asking for less may help.
func Refused(err error) bool {
	return errors.Is(err, astro.ErrInvalid) || errors.Is(err, astro.ErrForbidden)
}
