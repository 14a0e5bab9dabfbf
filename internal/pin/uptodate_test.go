package pin

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

func TestUpToDate(t *testing.T) {
	cases := map[string]struct {
		reason string
		edit   func(*v1alpha1.ScopedTokenBinding)
		want   bool
	}{
		"Ready":    {"Nothing is to be done.", func(*v1alpha1.ScopedTokenBinding) {}, true},
		"Edited":   {"The status speaks of a spec before.", func(b *v1alpha1.ScopedTokenBinding) { b.Generation++ }, false},
		"NotReady": {"Something stands in its way.", func(b *v1alpha1.ScopedTokenBinding) { b.Status.Conditions[0].Status = metav1.ConditionFalse }, false},
		"Unknown":  {"Nobody could look.", func(b *v1alpha1.ScopedTokenBinding) { b.Status.Conditions[0].Status = metav1.ConditionUnknown }, false},
		"Unseen":   {"Nobody has looked.", func(b *v1alpha1.ScopedTokenBinding) { b.Status.Conditions = nil }, false},
		"Leaving":  {"Its role is to be revoked.", func(b *v1alpha1.ScopedTokenBinding) { b.DeletionTimestamp = new(metav1.Now()) }, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := &v1alpha1.ScopedTokenBinding{}
			b.Generation, b.Status.ObservedGeneration = 3, 3
			b.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue}}
			tc.edit(b)
			if got := UpToDate(b); got != tc.want {
				t.Errorf("%s\nwant %v, got %v", tc.reason, tc.want, got)
			}
		})
	}
}
