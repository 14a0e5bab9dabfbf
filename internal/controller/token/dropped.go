package token

import (
	"context"
	"errors"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
)

// errClaimDropped is that of a status whose claim is not in the API server's answer: a policy takes it out, or the kinds of the
// cluster are older than the operator and do not know it.
var errClaimDropped = &fault.DroppedError{What: "status.claim"}

// claimDropped is what a binding says while its claim is in the operator's journal only, if at all.
func claimDropped() *fault.Fault {
	return fault.FromKubernetesError(v1alpha1.ConditionSynced,
		"what the binding holds cannot be written into its status, so that it may not be revoked when the binding is deleted", errClaimDropped)
}

// takes reports whether a statement's status is to hold the claim.
func takes(st decision.Statement) bool {
	return st.Status.Claim != nil && st.Status.Claim.State == v1alpha1.ClaimHeld
}

// saysDropped reports whether a status tells that its claim was dropped.
func saysDropped(s v1alpha1.ScopedTokenBindingStatus) bool {
	synced := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionSynced)
	return synced != nil && synced.Reason == v1alpha1.ReasonKubernetesRefused && synced.Message == claimDropped().Message
}

// toTry is the status to write. One whose claim was dropped before goes on saying so until it has been seen to stay.
func toTry(st decision.Statement) v1alpha1.ScopedTokenBindingStatus {
	if !takes(st) || pin.Claimed(st.Object) != nil || !saysDropped(st.Object.Status) {
		return st.Status
	}
	return withoutClaim(st)
}

// withoutClaim is the status of a statement, which says that its claim does not stay.
func withoutClaim(st decision.Statement) v1alpha1.ScopedTokenBindingStatus {
	s, f := *st.Status.DeepCopy(), claimDropped()
	var answers []metav1.Condition
	for _, question := range []string{v1alpha1.ConditionAccepted, v1alpha1.ConditionResolved, v1alpha1.ConditionSynced} {
		if c := meta.FindStatusCondition(s.Conditions, question); c != nil {
			answers = append(answers, *c)
		}
	}
	answers = fault.Answers(f, answers)
	fault.Set(&s.Conditions, f, st.Object.Generation, metav1.NewTime(time.Now()), append(slices.Clone(answers), fault.Ready(answers))...)
	return s
}

// tellDropped writes that the claim does not stay into the status that the API server has taken without it.
func (r *Reconciler) tellDropped(ctx context.Context, taken *v1alpha1.ScopedTokenBinding, st decision.Statement) error {
	if saysDropped(taken.Status) {
		return errClaimDropped
	}
	before, told := statusOnly(taken, taken.Status), statusOnly(taken, withoutClaim(st))
	told.Status.Claim = nil
	return errors.Join(errClaimDropped, r.Client.Status().Patch(ctx, told, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})))
}

// statusOnly is what a patch of a status is made from.
func statusOnly(b *v1alpha1.ScopedTokenBinding, s v1alpha1.ScopedTokenBindingStatus) *v1alpha1.ScopedTokenBinding {
	return &v1alpha1.ScopedTokenBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: b.Namespace, Name: b.Name, UID: b.UID, ResourceVersion: b.ResourceVersion},
		Status:     s,
	}
}
