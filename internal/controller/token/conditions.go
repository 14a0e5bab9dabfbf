package token

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// setConditions answers the three questions, and derives Ready and the words of kstatus from them.
func (g *group) setConditions(m *member, s *v1alpha1.ScopedTokenBindingStatus) {
	answers := g.answers(m, s)
	for _, a := range append(answers, ready(m, answers)) {
		a.ObservedGeneration = m.binding.Generation
		meta.SetStatusCondition(&s.Conditions, lasting(m.binding.Status.Conditions, a))
	}
	setProgress(m, s)
}

// answers are given in the order of the questions, and what is asked after one that is not True has to wait.
func (g *group) answers(m *member, s *v1alpha1.ScopedTokenBindingStatus) []metav1.Condition {
	answers := []metav1.Condition{
		yes(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, "the connection's rules allow it, and no other binding stands against it"),
		yes(v1alpha1.ConditionResolved, v1alpha1.ReasonResolved, "token and target were found"),
		synced(m, s),
	}
	if m.fault == nil {
		return answers
	}
	behind := false
	for i := range answers {
		switch {
		case answers[i].Type == m.fault.condition:
			answers[i].Status, answers[i].Reason, answers[i].Message = m.fault.status, m.fault.reason, m.fault.message
			behind = true
		case behind:
			answers[i].Status, answers[i].Reason = metav1.ConditionUnknown, v1alpha1.ReasonPending
			answers[i].Message = fmt.Sprintf("not looked at while %s is not True", m.fault.condition)
		}
	}
	return answers
}

func yes(condition, reason, message string) metav1.Condition {
	return metav1.Condition{Type: condition, Status: metav1.ConditionTrue, Reason: reason, Message: message}
}

// synced says that Astro holds the role, and how it came to. While nothing happens it goes on saying the same.
func synced(m *member, s *v1alpha1.ScopedTokenBindingStatus) metav1.Condition {
	c := metav1.Condition{
		Type: v1alpha1.ConditionSynced, Status: metav1.ConditionTrue,
		Message: fmt.Sprintf("the token holds %s on %s", m.role(), m.targetWords()),
	}
	if m.observes() {
		return observed(m, c)
	}
	before := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionSynced)
	was := before != nil && before.Status == metav1.ConditionTrue
	switch {
	case m.done.written && m.done.drift:
		c.Reason = v1alpha1.ReasonDriftCorrected
	case m.done.update:
		c.Reason = v1alpha1.ReasonRoleUpdated
	case was && before.Reason != v1alpha1.ReasonInSync:
		c.Reason = before.Reason
	case m.held != nil && m.held.Origin == v1alpha1.OriginAdopted:
		c.Reason = v1alpha1.ReasonAdopted
	default:
		c.Reason = v1alpha1.ReasonGranted
	}
	return c
}

// observed is the answer of a binding that writes nothing.
func observed(m *member, c metav1.Condition) metav1.Condition {
	if plan := planned(m); plan != "" {
		c.Status, c.Reason = metav1.ConditionFalse, v1alpha1.ReasonWouldChange
		c.Message = fmt.Sprintf("mode Enforce would %s on %s", plan, m.targetWords())
		return c
	}
	c.Reason = v1alpha1.ReasonInSync
	return c
}

// ready sums the answers up: False before Unknown, and the first of them.
func ready(m *member, answers []metav1.Condition) metav1.Condition {
	sum := answers[len(answers)-1]
	for _, status := range []metav1.ConditionStatus{metav1.ConditionUnknown, metav1.ConditionFalse} {
		if i := slices.IndexFunc(answers, func(a metav1.Condition) bool { return a.Status == status }); i >= 0 {
			sum = answers[i]
		}
	}
	sum.Type = v1alpha1.ConditionReady
	if m.observes() && sum.Reason == v1alpha1.ReasonWouldChange {
		sum.Status = metav1.ConditionTrue // it has looked, which is all that it was asked to do
	}
	return sum
}

// setProgress adds the conditions by which kstatus tells what is being worked on from what waits for somebody.
func setProgress(m *member, s *v1alpha1.ScopedTokenBindingStatus) {
	meta.RemoveStatusCondition(&s.Conditions, v1alpha1.ConditionStalled)
	meta.RemoveStatusCondition(&s.Conditions, v1alpha1.ConditionReconciling)
	if m.fault == nil {
		return
	}
	c := metav1.Condition{
		Type: v1alpha1.ConditionReconciling, Status: metav1.ConditionTrue,
		Reason: m.fault.reason, Message: m.fault.message, ObservedGeneration: m.binding.Generation,
	}
	if m.fault.stalls() {
		c.Type = v1alpha1.ConditionStalled
	}
	for _, old := range m.binding.Status.Conditions {
		if old.Type == c.Type {
			c.LastTransitionTime = old.LastTransitionTime
		}
	}
	meta.SetStatusCondition(&s.Conditions, lasting(m.binding.Status.Conditions, c))
}
