package token

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestARefusalThatLastsKeepsItsMessage(t *testing.T) {
	condition := func(reason, message string, generation int64) metav1.Condition {
		return metav1.Condition{Type: "Synced", Status: "False", Reason: reason, Message: message, ObservedGeneration: generation}
	}
	before := []metav1.Condition{condition("RefusedByAstro", "add X: no (request a1); correct it", 2)}
	for name, c := range map[string]struct {
		now  metav1.Condition
		want string
	}{
		"the same in another request": {condition("RefusedByAstro", "add X: no (request b2); correct it", 2), "add X: no (request a1); correct it"},
		"other words":                 {condition("RefusedByAstro", "add X: never (request b2); correct it", 2), "add X: never (request b2); correct it"},
		"another reason":              {condition("PermissionDenied", "add X: no (request b2); correct it", 2), "add X: no (request b2); correct it"},
		"another spec":                {condition("RefusedByAstro", "add X: no (request b2); correct it", 3), "add X: no (request b2); correct it"},
	} {
		if got := lasting(before, c.now).Message; got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := lasting(nil, before[0]); got != before[0] {
		t.Errorf("without a condition before: %v", got)
	}
}
