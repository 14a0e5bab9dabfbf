package fault

import (
	"fmt"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// Fault is what keeps an object from being Ready: the condition it shows on, and what that condition says. It never
// holds a secret.
type Fault struct {
	Condition string
	Status    metav1.ConditionStatus
	Reason    string
	Message   string

	// NeedsUser faults do not go away by themselves, although the condition may be Unknown.
	NeedsUser bool
	// Transient faults go away by themselves. What was Ready keeps its status meanwhile.
	Transient bool
	// Silent faults are not written to a status: the object is about to be looked at again.
	Silent bool
	// Err is the error of Astro's API that the fault comes from, if it comes from one.
	Err error
}

// NotTrue is a fault found by looking: the condition is False.
func NotTrue(condition, reason, format string, args ...any) *Fault {
	return &Fault{Condition: condition, Status: metav1.ConditionFalse, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// CouldNotCheck is a fault that kept the operator from looking: the condition is Unknown.
func CouldNotCheck(condition, reason, format string, args ...any) *Fault {
	return &Fault{Condition: condition, Status: metav1.ConditionUnknown, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// Quiet is a fault that only ends the work on an object for now.
func Quiet() *Fault { return &Fault{Silent: true} }

// Stalls reports whether nothing gets better until somebody changes something.
func (f *Fault) Stalls() bool {
	if f.NeedsUser {
		return true
	}
	return f.Status == metav1.ConditionFalse && !slices.Contains(underWay, f.Reason)
}

// underWay are the reasons of what is False and gets better by itself: the operator works on it.
var underWay = []string{v1alpha1.ReasonRevoking, v1alpha1.ReasonDriftDetected, v1alpha1.ReasonInUse}

// With returns the fault with words appended to its message. The fault itself may be shared and stays as it is.
func (f *Fault) With(words string) *Fault {
	more := *f
	more.Message += words
	return &more
}

// requestID is how an error of Astro's API names the request.
var requestID = regexp.MustCompile(` \(request [^)]*\)`)

// incident is how a proxy numbers what it answers in Astro's place, digits in it or not.
var incident = regexp.MustCompile(`[0-9A-Fa-f][-0-9A-Fa-f:.]{5,}`)

// inItsPlace is how the words of something begin that answers in Astro's place.
var inItsPlace = regexp.MustCompile(`not in Astro's form|a web page in Astro's place|it redirects to `)

// ofOneTry takes out of a message what differs at each try although the same thing is wrong.
func ofOneTry(reason, message string) string {
	message = requestID.ReplaceAllString(message, "")
	from := inItsPlace.FindStringIndex(message)
	if from == nil || reason != v1alpha1.ReasonUnreachable {
		return message
	}
	return message[:from[0]] + incident.ReplaceAllString(message[from[0]:], "")
}

// KeepMessage returns the condition with the message it had before if that says the same but for the id of the request,
// or the number that a proxy gives it, so that what lasts is not a status write at each try.
func KeepMessage(before []metav1.Condition, now metav1.Condition) metav1.Condition {
	old := meta.FindStatusCondition(before, now.Type)
	if old != nil && old.Status == now.Status && old.Reason == now.Reason && old.ObservedGeneration == now.ObservedGeneration &&
		ofOneTry(now.Reason, old.Message) == ofOneTry(now.Reason, now.Message) {
		now.Message = old.Message
	}
	return now
}
