package main

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// claimed is a binding with a claim in its status.
func claimed(w *world, at time.Time) *v1alpha1.ScopedTokenBinding {
	b := builders.Binding("b").In(namespaces[0]).ForTokenID(w.tokens[0].id).OnWorkspace(w.entities[0].id).WithRole("WORKSPACE_MEMBER").Object()
	b.UID = "own"
	b.Status.Token.ID, b.Status.Target.Kind, b.Status.Target.ID = w.tokens[0].id, v1alpha1.TargetWorkspace, w.entities[0].id
	b.Status.Claim = &v1alpha1.Claim{UID: "own", State: v1alpha1.ClaimHeld, ClaimedAt: metav1.NewMicroTime(at)}
	return b
}

func TestForgedAnnotationsCountForNothing(t *testing.T) {
	w := judged(t)
	for _, what := range forgeries {
		t.Run(what, func(t *testing.T) {
			b := claimed(w, time.Unix(1000, 0))
			before := *w.claimOf(b)
			w.forge(forgery{what: what, token: 0, target: 1}, b)
			if after := w.claimOf(b); after == nil || *after != before {
				t.Errorf("the claim was %v and is %v", before, after)
			}
			b.Status = v1alpha1.ScopedTokenBindingStatus{}
			if after := w.claimOf(b); after != nil {
				t.Errorf("without a status there is a claim: %v", after)
			}
		})
	}
}

func TestStatusClaim(t *testing.T) {
	w := judged(t)
	cases := map[string]struct {
		reason string
		change func(*v1alpha1.ScopedTokenBinding)
		want   bool
	}{
		"Held":          {reason: "It is the object's own.", change: func(*v1alpha1.ScopedTokenBinding) {}, want: true},
		"OtherUID":      {reason: "It is that of another object: a status that was restored.", change: func(b *v1alpha1.ScopedTokenBinding) { b.UID = "another" }},
		"Released":      {reason: "It was given up.", change: func(b *v1alpha1.ScopedTokenBinding) { b.Status.Claim.State = v1alpha1.ClaimReleased }},
		"IDsOnly":       {reason: "Ids alone are a pin.", change: func(b *v1alpha1.ScopedTokenBinding) { b.Status.Claim = nil }},
		"FinalizerGone": {reason: "The finalizer only delays.", change: func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers = nil }, want: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := claimed(w, time.Now())
			tc.change(b)
			got := statusClaim(b)
			if (got != nil) != tc.want {
				t.Fatalf("%s\nwant a claim: %t, got %v", tc.reason, tc.want, got)
			}
			if want := (place{w.tokens[0].id, astrosim.TypeWorkspace, w.entities[0].id}); got != nil && got.place != want {
				t.Errorf("want it on %v, got %v", want, got.place)
			}
		})
	}
}

func TestManifest(t *testing.T) {
	w := judged(t)
	b := claimed(w, time.Now())
	b.Finalizers, b.Annotations = []string{v1alpha1.FinalizerRevoke}, map[string]string{domain + "held": "{}"}
	got := manifest(b, slot{"other", "copy"}, true)
	if got.UID != "" || got.Name != "copy" || got.Namespace != "other" || got.Status.Claim != nil || len(got.Finalizers) != 1 || len(got.Annotations) != 1 {
		t.Errorf("a copy takes the manifest along, and neither identity nor status: %+v", got)
	}
	if got = manifest(b, slot{"other", "copy"}, false); len(got.Finalizers)+len(got.Annotations) > 0 {
		t.Errorf("a replaced object starts without them: %+v", got)
	}
}

func TestInOrder(t *testing.T) {
	w := judged(t)
	made := func(name, role string, at, created int64) *claim {
		b := claimed(w, time.Unix(at, 0))
		b.Name, b.Spec.Role, b.CreationTimestamp = name, role, metav1.Unix(created, 0)
		if at == 0 {
			b.Status.Claim = nil
		}
		return &claim{binding: b, held: statusClaim(b)}
	}
	cases := map[string]struct{ first, second *claim }{
		"EarlierClaim":     {made("z", "X", 1, 9), made("a", "Y", 2, 1)},
		"SameTimeByName":   {made("a", "X", 1, 9), made("b", "Y", 1, 1)},
		"ClaimBeforeNone":  {made("z", "X", 5, 9), made("a", "HELD", 0, 1)},
		"HeldRole":         {made("z", "HELD", 0, 9), made("a", "Y", 0, 1)},
		"OlderObject":      {made("z", "X", 0, 1), made("a", "Y", 0, 9)},
		"OlderOfHeldRoles": {made("z", "HELD", 0, 1), made("a", "HELD", 0, 9)},
		"NameAtLast":       {made("a", "X", 0, 1), made("b", "Y", 0, 1)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if inOrder(tc.first, tc.second, "HELD") >= 0 || inOrder(tc.second, tc.first, "HELD") <= 0 {
				t.Errorf("%s comes first", tc.first.id())
			}
		})
	}
}
