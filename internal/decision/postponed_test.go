package decision

import (
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

// TestARequestThatHasToWaitIsNotAnswered is about a namespace that asks for more looks than its share.
func TestARequestThatHasToWaitIsNotAnswered(t *testing.T) {
	object := &v1alpha1.ScopedTokenBinding{}
	object.Annotations = map[string]string{v1alpha1.AnnotationRequestedAt: "2"}
	object.Status.LastHandledReconcileAt = "1"
	for postponed, handled := range map[bool]string{true: "1", false: "2"} {
		b := &Binding{Object: object, Postponed: postponed}
		if b.Requested() == postponed || !b.Asks() {
			t.Errorf("postponed %t: requested %t, asks %t", postponed, b.Requested(), b.Asks())
		}
		s := &Situation{}
		if got := s.statusOf(b, Ruling{Fault: fault.Quiet()}, nil, Done{}, false).LastHandledReconcileAt; got != handled {
			t.Errorf("postponed %t: %q is handled", postponed, got)
		}
	}
}

// TestARequestIsAnsweredOnceItIsDone is about a look that fails: it is tried again by itself, and only then was it done.
func TestARequestIsAnsweredOnceItIsDone(t *testing.T) {
	for name, tc := range map[string]struct {
		reason  string
		err     error
		handled string
	}{
		"Answered":  {"Astro has shown the token.", nil, "x"},
		"Forbidden": {"Astro has answered, though by a refusal.", errForbidden, "x"},
		"Lost":      {"Nobody has looked yet.", errLost, ""},
		"Throttled": {"Nor here.", errThrottled, ""},
	} {
		t.Run(name, func(t *testing.T) {
			suspended := binding("a").claimed(1).edited().suspended().annotated(v1alpha1.AnnotationRequestedAt, "x")
			w := drive(t, situation(suspended, holds(w1, member)), func(w *driver) { w.read = func(int) error { return tc.err } })
			differ(t, tc.reason, "handled", tc.handled, w.status("a").LastHandledReconcileAt)
		})
	}
}

// TestRefused is about bindings that cost Astro nothing: what the rules say of them hangs on their specs alone.
func TestRefused(t *testing.T) {
	const allowed, other = "clt0000000000000000000001", "clt0000000000000000000002"
	connection := &v1alpha1.ClusterAstroConnection{}
	connection.Spec.Allow = []v1alpha1.AllowRule{{
		Namespaces: v1alpha1.NamespaceRule{Names: []string{"data"}},
		Tokens:     []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, IDs: []string{allowed}}},
		Targets:    []v1alpha1.TargetRule{{WorkspaceIDs: []string{"*"}}}, Roles: []string{"DEPLOYMENT_ADMIN"},
	}}
	for name, tc := range map[string]struct {
		reason, namespace string
		token             v1alpha1.TokenReference
		role, want        string
	}{
		"NoRule":     {"No rule speaks to the namespace.", "other", v1alpha1.TokenReference{ID: allowed}, "", v1alpha1.ReasonNamespaceNotAllowed},
		"OtherToken": {"No rule has the id.", "data", v1alpha1.TokenReference{ID: other}, "", v1alpha1.ReasonTokenNotAllowed},
		"Allowed":    {"A rule has it.", "data", v1alpha1.TokenReference{ID: allowed}, "", ""},
		"OtherRole":  {"A message about a role may hint at others, which takes a look.", "data", v1alpha1.TokenReference{ID: allowed}, "Deploy Only", ""},
		"ByName":     {"So may one about a name.", "data", v1alpha1.TokenReference{Name: "ci"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := &Binding{Object: &v1alpha1.ScopedTokenBinding{}, Connection: Connection{Object: connection}}
			b.Object.Namespace, b.Object.Spec.Token, b.Object.Spec.Role = tc.namespace, tc.token, tc.role
			b.Object.Spec.Token.Scope = v1alpha1.ScopeOrganization
			got := ""
			if d := b.Refused(); d != nil {
				got = d.Reason
			}
			if got != tc.want {
				t.Errorf("%s\ngot %q", tc.reason, got)
			}
		})
	}
	if d := (&Binding{Object: &v1alpha1.ScopedTokenBinding{}}).Refused(); d != nil {
		t.Errorf("without a connection there are no rules: %+v", d)
	}
}

// TestARequestThatAListingAnswers is about what is asked for beyond the share: a listing of the round does, an older one does not.
func TestARequestThatAListingAnswers(t *testing.T) {
	round := time.Date(2030, 1, 1, 0, 0, 10, 0, time.UTC)
	for name, tc := range map[string]struct {
		together, listed time.Time
		reads            bool
	}{
		"Alone":      {time.Time{}, round, true},
		"OlderList":  {round, round.Add(-time.Millisecond), true},
		"NeverLists": {round, time.Time{}, true},
		"SameTime":   {round, round, false},
		"NewerList":  {round, round.Add(time.Second), false},
	} {
		b := &Binding{Object: &v1alpha1.ScopedTokenBinding{}, Together: !tc.together.IsZero(), Asked: tc.together}
		b.Object.Annotations = map[string]string{v1alpha1.AnnotationRequestedAt: "2"}
		s := &Situation{Token: Observation{Listed: tc.listed}}
		if got := s.takesRead(b); got != tc.reads {
			t.Errorf("%s: takes a read: %t", name, got)
		}
		if b.Postponed = true; s.takesRead(b) {
			t.Errorf("%s: it is read before its time", name)
		}
	}
}
