package decision

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// judgeExpired classifies a binding that stays and whose time is over. What it holds goes as if it were deleted, and is put to
// the rules where the role was adopted. Suspending it stops that as it stops all else.
func (s *Situation) judgeExpired(b *Binding) Ruling {
	r := Ruling{Expired: true}
	f := s.obstacle(b, &r)
	r.Rebind, r.Retarget, r.Withdrawn = false, false, false // nothing is looked for any more
	switch {
	case b.Claim == nil && s.Pending[b.Object.UID].Sent:
		r.Fault = overdue(r) // a write without an answer may have given it its role, as the next look finds in the journal
	case b.Claim == nil || b.Observes():
		s.finish(b, &r, f)
	case s.unreachable(b) != nil || b.Object.Spec.Suspend:
		r.Class, r.Fault = onHold(b), f
		r.Uncertain = r.Class == roleset.Hold && f.Stalls() && s.open(b)
	case s.presenceTo(b) == Gone:
		r.Release, r.Obstacle = true, f
	case s.presenceTo(b) != Present || s.selfProtected(b):
		r.Class, r.Fault = onHold(b), f
	case !b.Recovered.IsZero():
		r.Class, r.Fault = s.judgeRecovered(b, &r)
		r.Obstacle = f
	default:
		r.Class, r.Fault = s.judgeRevocation(b, &r)
		r.Obstacle = f
	}
	return r
}

// finish is the ruling on a binding without a claim whose time is over: nothing is done for it any more, whatever else stands in
// its way. One whose time was over before it was made, and that never had its role, is nobody's intention.
func (s *Situation) finish(b *Binding, r *Ruling, f *fault.Fault) {
	switch {
	case f != nil && (f.Silent || f.Transient):
		r.Fault = f
	case b.Object.Spec.ExpiresAt.After(b.Object.CreationTimestamp.Time) || !pin.LastClaimed(b.Object).IsZero():
		r.Obstacle = f
	case f != nil:
		r.Fault = f
	default:
		r.Fault = fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonExpired,
			"spec.expiresAt is %s, which was over when the binding was made on %s, so no role was given; set a later time, or delete the binding",
			timeWords(b.Object.Spec.ExpiresAt), timeWords(&b.Object.CreationTimestamp))
	}
}

// finishIfExpired is finish for a binding whose token is not known.
func (s *Situation) finishIfExpired(b *Binding, r *Ruling) {
	if f := r.Fault; b.Claim == nil && b.expired(s.Now) {
		r.Expired, r.Fault = true, nil
		s.finish(b, r, f)
	}
}

// overdue is what a binding says whose time is over and whose role is not given up yet. Where its connection observes, its
// status says what would be done.
func overdue(r Ruling) *fault.Fault {
	switch {
	case r.withheld() && r.Verdict.Outcome == roleset.Remove:
		return nil
	case r.withheld() && r.Verdict.Outcome != roleset.Gone:
		return fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonWouldChange,
			"spec.expiresAt has passed, and the connection is in mode Observe; mode Enforce would leave the role to another binding")
	}
	return fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonRevoking,
		"spec.expiresAt has passed, and the role is not yet known to be gone; the operator looks again")
}

// expiredCondition is the answer of a binding whose time is over and that holds nothing any more.
func expiredCondition(b *Binding) metav1.Condition {
	role, given := "", "holds no role"
	if claim := b.Object.Status.Claim; claim != nil && claim.UID == b.Object.UID {
		role = claim.GrantedRole // the spec may have been edited since
	}
	if role != "" {
		given = fmt.Sprintf("has given up %s on %s", role, b.TargetWords())
	}
	return metav1.Condition{
		Type: v1alpha1.ConditionSynced, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonExpired,
		Message: fmt.Sprintf("spec.expiresAt was %s: the binding %s; set a later time to have one, or delete the binding",
			timeWords(b.Object.Spec.ExpiresAt), given),
	}
}

func timeWords(t *metav1.Time) string { return t.UTC().Format(time.RFC3339) }
