package fault

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

// Answers puts the fault, if there is one, into the answers to the questions asked in their order. What is asked after
// a question whose answer is not True has to wait.
func Answers(f *Fault, answers []metav1.Condition) []metav1.Condition {
	if f == nil {
		return answers
	}
	behind := false
	for i := range answers {
		switch {
		case answers[i].Type == f.Condition:
			answers[i].Status, answers[i].Reason, answers[i].Message = f.Status, f.Reason, f.Message
			behind = true
		case behind:
			answers[i].Status, answers[i].Reason = metav1.ConditionUnknown, v1alpha1.ReasonPending
			answers[i].Message = fmt.Sprintf("not looked at while %s is not True", f.Condition)
		}
	}
	return answers
}

// Ready sums the answers up: the first that is False, else the first that is Unknown, else the last.
func Ready(answers []metav1.Condition) metav1.Condition {
	sum := answers[len(answers)-1]
	for _, status := range []metav1.ConditionStatus{metav1.ConditionUnknown, metav1.ConditionFalse} {
		if i := slices.IndexFunc(answers, func(a metav1.Condition) bool { return a.Status == status }); i >= 0 {
			sum = answers[i]
		}
	}
	sum.Type = v1alpha1.ConditionReady
	return sum
}

// Set writes the conditions into a status at the generation and time, and the one by which kstatus tells what is being
// worked on (Reconciling) from what waits for somebody (Stalled), which is there only while it is true.
func Set(conditions *[]metav1.Condition, f *Fault, generation int64, now metav1.Time, all ...metav1.Condition) {
	before := slices.Clone(*conditions)
	for _, c := range all {
		set(conditions, before, c, generation, now)
	}
	progress, other := v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled
	if f != nil && f.Stalls() {
		progress, other = other, progress
	}
	meta.RemoveStatusCondition(conditions, other)
	if f == nil {
		meta.RemoveStatusCondition(conditions, progress)
		return
	}
	set(conditions, before, metav1.Condition{Type: progress, Status: metav1.ConditionTrue, Reason: f.Reason, Message: f.Message}, generation, now)
}

// SetWhile writes a condition of status True that is there only while something holds.
func SetWhile(conditions *[]metav1.Condition, holds bool, c metav1.Condition, generation int64, now metav1.Time) {
	if !holds {
		meta.RemoveStatusCondition(conditions, c.Type)
		return
	}
	c.Status = metav1.ConditionTrue
	set(conditions, *conditions, c, generation, now)
}

// mostMessage is how many bytes the message of a condition has at most: enough for what the operator says, and so little that
// a status has room for the messages of all its conditions, whatever Astro has called a role.
const mostMessage = 4096

// set writes a condition. All messages of conditions pass here, and with them the words of others.
func set(conditions *[]metav1.Condition, before []metav1.Condition, c metav1.Condition, generation int64, now metav1.Time) {
	c.ObservedGeneration, c.LastTransitionTime = generation, now
	c.Message = text.Clip(text.Line(c.Message), mostMessage)
	if old := meta.FindStatusCondition(before, c.Type); old != nil && old.Status == c.Status {
		c.LastTransitionTime = old.LastTransitionTime
	}
	meta.SetStatusCondition(conditions, KeepMessage(before, c))
}
