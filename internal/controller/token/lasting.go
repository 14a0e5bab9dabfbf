package token

import (
	"regexp"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// requestID is how an error of Astro's API names the request.
var requestID = regexp.MustCompile(` \(request [^)]*\)`)

// lasting keeps the message of a condition that says the same as before but for the request in which Astro said it, so
// that a refusal which lasts is not a status write a sweep. The request it names is the first, which is as good.
func lasting(before []metav1.Condition, now metav1.Condition) metav1.Condition {
	old := meta.FindStatusCondition(before, now.Type)
	if old != nil && old.Status == now.Status && old.Reason == now.Reason && old.ObservedGeneration == now.ObservedGeneration &&
		requestID.ReplaceAllString(old.Message, "") == requestID.ReplaceAllString(now.Message, "") {
		now.Message = old.Message
	}
	return now
}
