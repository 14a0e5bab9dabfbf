package connection

import (
	"strconv"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/quota"
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
			w, share := &trustRequest{}, quota.New(1, 1)
			if got := w.read(c, share, time.Now()); got != tc.want {
				t.Errorf("%s\nread = %t", tc.reason, got)
			}
			if w.read(c, share, time.Now()) {
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
		w.read(c, quota.New(1, 1), time.Now())
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

// TestRequestsOfANamespacesConnectionsHaveAShare: each is a proof and a listing.
func TestRequestsOfANamespacesConnectionsHaveAShare(t *testing.T) {
	share, now := quota.New(requestsPerSecond, requestBurst), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	heard := map[string]*trustRequest{}
	says := func(namespace, name, value string, want bool) {
		t.Helper()
		c := &v1alpha1.AstroConnection{Status: v1alpha1.ConnectionStatus{ObservedGeneration: 1}}
		c.Namespace, c.Annotations = namespace, map[string]string{v1alpha1.AnnotationRequestedAt: value}
		if heard[namespace+name] == nil {
			heard[namespace+name] = &trustRequest{}
		}
		if got := heard[namespace+name].read(c, share, now); got != want {
			t.Errorf("%s of %s/%s counts: %t", value, namespace, name, got)
		}
	}
	for i := range requestBurst {
		says("busy", "a", strconv.Itoa(i), true)
	}
	says("busy", "a", "20", false)
	says("busy", "b", "1", false)
	says("other", "a", "1", true)
	m := &memory{trust: *heard["busya"], listing: listing{dueAt: now.Add(time.Hour)}}
	if wake := m.wake(now); wake != requestLater {
		t.Errorf("it is looked at again in %s", wake)
	}
	now = now.Add(requestLater / 2)
	says("busy", "a", "21", false)
	says("busy", "a", "", false) // taken back
	says("busy", "a", "22", false)
	now = now.Add(requestLater / 2)
	says("busy", "b", "2", true) // what replaced it waits no longer
	says("busy", "b", "2", false)
	says("busy", "a", "23", false)
	now = now.Add(requestLater / 2)
	says("busy", "a", "24", true)
	now = now.Add(time.Hour)
	says("busy", "a", "25", true)
}
