package inventory

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

// report writes the status where it differs, and an event where Ready does. Where others of the namespace have their turn first, it
// writes nothing, and says for how long they have.
func (r *Reconciler) report(ctx context.Context, i *v1alpha1.TargetInventory, s survey) (wait time.Duration, err error) {
	key := client.ObjectKeyFromObject(i)
	if s.fault != nil && s.fault.Transient && upToDate(i) {
		r.writes.Leave(key.Namespace, key)
		return 0, nil
	}
	before := i.DeepCopy()
	fill(i, s, metav1.Now())
	if equality.Semantic.DeepEqual(before.Status, i.Status) {
		r.writes.Leave(key.Namespace, key)
		return 0, nil
	}
	if refusedNow(before, i) {
		r.writes.Leave(key.Namespace, key)
	} else if wait := r.writes.Take(key.Namespace, key, s.awaited(before), time.Now()); wait > 0 {
		return wait, nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}) // never onto another of the same name
	if err := r.Client.Status().Patch(ctx, i, patch); err != nil {
		r.refusals.TellStatus(ctx, r.Recorder, i, i.Status.Conditions, err, time.Now())
		return 0, err
	}
	r.announce(before, i)
	return 0, nil
}

// refusedNow reports whether the rules do not allow the inventory any more, which empties it at once. That they do is said by a
// write that counts, so this comes no more often than such writes.
func refusedNow(before, after *v1alpha1.TargetInventory) bool {
	was := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionAccepted)
	return was != nil && was.Status != metav1.ConditionFalse && meta.IsStatusConditionFalse(after.Status.Conditions, v1alpha1.ConditionAccepted)
}

// awaited reports whether a user waits for what the status is to say: the inventory is new, or he has confirmed what it lists.
func (s survey) awaited(before *v1alpha1.TargetInventory) bool {
	return before.Status.ObservedGeneration != before.Generation || s.removals != nil && len(s.removals.due) > 0
}

// upToDate reports whether the status already speaks of this spec and says Ready, so that a transient fault leaves it.
func upToDate(i *v1alpha1.TargetInventory) bool {
	return i.Status.ObservedGeneration == i.Generation && meta.IsStatusConditionTrue(i.Status.Conditions, v1alpha1.ConditionReady)
}

func fill(i *v1alpha1.TargetInventory, s survey, now metav1.Time) {
	i.Status.ObservedGeneration = i.Generation
	switch {
	case s.listing != nil:
		i.Status.Target = s.target
		fillRows(&i.Status, s.listing)
	case i.Status.Target.Kind == "", s.fault.Status == metav1.ConditionFalse:
		i.Status.Target = declaredTarget(i, s.fault)
		fillRows(&i.Status, &listing{})
		s.removals = &removals{}
	}
	answers := s.answers()
	ready := fault.Ready(answers)
	fault.Set(&i.Status.Conditions, s.fault, i.Generation, now, append(answers[:len(answers)-1], ready)...)
	if s.removals != nil {
		i.Status.Removals, i.Status.Confirm = s.removals.status(), s.removals.confirm
		fault.SetWarnings(&i.Status.Conditions, s.removals.warnings(s.target, s.began), i.Generation, now)
	}
}

// declaredTarget is the target as the user spells it. What its name was found to stand for is kept whatever is in the way now,
// so that the name is not silently taken for another target later; but for rules, which do not let the user know it any more.
func declaredTarget(i *v1alpha1.TargetInventory, f *fault.Fault) v1alpha1.BoundTarget {
	refused := f.Condition == v1alpha1.ConditionAccepted && f.Reason != v1alpha1.ReasonConnectionNotFound
	if foundByName(i) && !refused {
		return i.Status.Target
	}
	t := i.Spec.Target
	return v1alpha1.BoundTarget{Kind: t.Kind, ID: string(t.ID), Name: t.Name, WorkspaceID: string(t.WorkspaceID)}
}

func fillRows(s *v1alpha1.TargetInventoryStatus, l *listing) {
	shown := min(len(l.rows), v1alpha1.MaxInventoryTokens)
	s.Tokens = l.rows[:shown]
	s.Total = int32(len(l.rows))             //nolint:gosec // a listing is far smaller
	s.Remaining = int32(len(l.rows) - shown) //nolint:gosec // as above
	s.Undeclared = int32(l.undeclared)       //nolint:gosec // as above
}

// answers answer in order: do the rules allow it, is the target there, are the tokens listed.
func (s survey) answers() []metav1.Condition {
	all := []metav1.Condition{
		{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAccepted, Message: "the connection's rules allow the inventory"},
		{Type: v1alpha1.ConditionResolved, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonResolved, Message: "the target was found"},
		{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonListed},
	}
	if s.listing != nil {
		all[2].Message = s.listing.words(s.target)
	}
	return fault.Answers(s.fault, all)
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
