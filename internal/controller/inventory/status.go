package inventory

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// report writes the status where it differs, and an event where Ready does.
func (r *Reconciler) report(ctx context.Context, i *v1alpha1.TargetInventory, s survey) error {
	if s.fault != nil && s.fault.passing && settled(i) {
		return nil
	}
	before := i.DeepCopy()
	fill(i, s)
	if equality.Semantic.DeepEqual(before.Status, i.Status) {
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}) // never onto another of the same name
	if err := r.Client.Status().Patch(ctx, i, patch); err != nil {
		return client.IgnoreNotFound(err)
	}
	r.announce(before, i)
	return nil
}

// settled reports whether the status already speaks of this spec and says Ready, so that a passing fault leaves it.
func settled(i *v1alpha1.TargetInventory) bool {
	return i.Status.ObservedGeneration == i.Generation && meta.IsStatusConditionTrue(i.Status.Conditions, v1alpha1.ConditionReady)
}

func fill(i *v1alpha1.TargetInventory, s survey) {
	i.Status.ObservedGeneration = i.Generation
	switch {
	case s.listing != nil:
		i.Status.Target = s.target
		fillRows(&i.Status, s.listing)
	case i.Status.Target.Kind == "", s.fault.private, s.fault.status == metav1.ConditionFalse:
		i.Status.Target = declaredTarget(i, s.fault)
		fillRows(&i.Status, &listing{})
	}
	for _, c := range conditions(s) {
		c.ObservedGeneration = i.Generation
		meta.SetStatusCondition(&i.Status.Conditions, c)
	}
	ready := meta.FindStatusCondition(i.Status.Conditions, v1alpha1.ConditionReady)
	stalled := s.fault != nil && s.fault.stalls()
	setWhile(i, v1alpha1.ConditionReconciling, s.fault != nil && !stalled, *ready)
	setWhile(i, v1alpha1.ConditionStalled, stalled, *ready)
}

// declaredTarget is the target as the user spells it. A pin is kept where the target was not found, so that a name is
// not silently taken for another target later.
func declaredTarget(i *v1alpha1.TargetInventory, f *fault) v1alpha1.BoundTarget {
	t := i.Spec.Target
	declared := v1alpha1.BoundTarget{Kind: t.Kind, ID: string(t.ID), Name: t.Name, WorkspaceID: string(t.WorkspaceID)}
	if f.reason == v1alpha1.ReasonTargetNotFound && !f.private {
		declared.ID = pinned(i)
	}
	return declared
}

func fillRows(s *v1alpha1.TargetInventoryStatus, l *listing) {
	shown := min(len(l.rows), v1alpha1.MaxInventoryTokens)
	s.Tokens = l.rows[:shown]
	s.Total = int32(len(l.rows))             //nolint:gosec // a listing is far smaller
	s.Remaining = int32(len(l.rows) - shown) //nolint:gosec // as above
	s.Undeclared = int32(l.undeclared)       //nolint:gosec // as above
}

// conditions answer in order: do the rules allow it, is the target there, are the tokens listed. What comes after a
// fault is pending, and Ready has the reason of the first that is not True.
func conditions(s survey) []metav1.Condition {
	all := []metav1.Condition{
		{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAccepted, Message: "the connection's rules allow the inventory"},
		{Type: v1alpha1.ConditionResolved, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonResolved, Message: "the target was found"},
		{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonListed},
	}
	if s.listing != nil {
		all[2].Message = s.listing.words(s.target)
	}
	if s.fault == nil {
		return all
	}
	reached := false
	for n := range all {
		switch c := &all[n]; {
		case c.Type == s.fault.condition, reached && c.Type == v1alpha1.ConditionReady:
			c.Status, c.Reason, c.Message = s.fault.status, s.fault.reason, s.fault.message
			reached = true
		case reached:
			c.Status, c.Reason, c.Message = metav1.ConditionUnknown, v1alpha1.ReasonPending, s.fault.condition+" comes first"
		}
	}
	return all
}

// setWhile keeps a condition that is there only while it is true.
func setWhile(i *v1alpha1.TargetInventory, kind string, holds bool, as metav1.Condition) {
	if !holds {
		meta.RemoveStatusCondition(&i.Status.Conditions, kind)
		return
	}
	as.Type, as.Status = kind, metav1.ConditionTrue
	meta.SetStatusCondition(&i.Status.Conditions, as)
}

// announce makes an event of a change of Ready.
func (r *Reconciler) announce(before, after *v1alpha1.TargetInventory) {
	was := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionReady)
	is := meta.FindStatusCondition(after.Status.Conditions, v1alpha1.ConditionReady)
	if was != nil && was.Status == is.Status && was.Reason == is.Reason {
		return
	}
	kind := corev1.EventTypeWarning
	if is.Status == metav1.ConditionTrue {
		kind = corev1.EventTypeNormal
	}
	r.Recorder.Eventf(after, nil, kind, is.Reason, "List", "%s", is.Message)
}
