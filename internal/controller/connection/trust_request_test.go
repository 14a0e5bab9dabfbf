package connection

import (
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

func TestTrustRequestIsHeardAfterAStart(t *testing.T) {
	cases := map[string]struct {
		reason     string
		annotation string
		status     v1alpha1.ConnectionStatus
		want       bool
	}{
		"Nothing":      {reason: "Nobody said anything.", status: v1alpha1.ConnectionStatus{ObservedGeneration: 1}},
		"Unheard":      {reason: "It was said while nobody listened.", annotation: "now", status: v1alpha1.ConnectionStatus{ObservedGeneration: 1}, want: true},
		"Another":      {reason: "It is not what was heard before.", annotation: "now", status: v1alpha1.ConnectionStatus{ObservedGeneration: 1, LastHandledReconcileAt: "then"}, want: true},
		"Heard":        {reason: "It was heard before.", annotation: "now", status: v1alpha1.ConnectionStatus{ObservedGeneration: 1, LastHandledReconcileAt: "now"}},
		"TakenAway":    {reason: "No annotation asks for nothing.", status: v1alpha1.ConnectionStatus{ObservedGeneration: 1, LastHandledReconcileAt: "then"}},
		"FromABackup":  {reason: "A backup without status brings no words of long ago back.", annotation: "now", status: v1alpha1.ConnectionStatus{ObservedGeneration: -1}},
		"NewlyCreated": {reason: "A connection that nobody has looked at is looked at anyway.", annotation: "now"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := &v1alpha1.AstroConnection{Status: tc.status}
			c.Annotations = map[string]string{v1alpha1.AnnotationRequestedAt: tc.annotation}
			w := &trustRequest{}
			if got := w.read(c); got != tc.want {
				t.Errorf("%s\nread = %t", tc.reason, got)
			}
			if w.read(c) {
				t.Error("the same is heard once")
			}
		})
	}
}

// TestTrustRequestIsHandledOnceAListingWasTakenByIt: a process that ends before that leaves it to the next.
func TestTrustRequestIsHandledOnceAListingWasTakenByIt(t *testing.T) {
	c := &v1alpha1.AstroConnection{Status: v1alpha1.ConnectionStatus{ObservedGeneration: 1}}
	w, a := &trustRequest{}, &access{directory: astro.NewDirectory(nil, astro.DirectoryOptions{})}
	say := func(value string) {
		c.Annotations = map[string]string{v1alpha1.AnnotationRequestedAt: value}
		w.read(c)
	}
	expect := func(when, want string) {
		t.Helper()
		if w.handledAt != want {
			t.Errorf("%s: %q was handled, want %q", when, w.handledAt, want)
		}
	}
	say("first")
	w.handled()
	expect("a listing before the proof", "")
	w.pass(a, false)
	expect("proven", "")
	say("second")
	w.handled()
	expect("a listing after which somebody has spoken again", "")
	w.pass(a, false)
	w.handled()
	expect("proven and listed", "second")
}
