package decision

import (
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

func TestUnreachable(t *testing.T) {
	set := func(edits ...func(*Connection)) *bindingBuilder { return binding("a").through("acme", edits...) }
	notReady := func(c *Connection) { c.Ready, c.Reason = false, "SecretNotFound" }
	notCallable := func(c *Connection) { c.Callable = false }
	moved := func(c *Connection) { c.Organization = "o2" }
	type facts struct {
		Reason                       string
		Silent, Transient, NeedsUser bool
	}
	cases := map[string]struct {
		reason  string
		binding *bindingBuilder
		want    facts
	}{
		"Ready":       {"The connection leads to the token.", set(), facts{}},
		"None":        {"There is no such connection.", set(func(c *Connection) { c.Object = nil }), facts{Reason: v1alpha1.ReasonConnectionNotFound}},
		"NotLookedAt": {"Its controller comes to it soon, so nothing is written.", set(func(c *Connection) { c.Host = "" }), facts{Reason: v1alpha1.ReasonConnectionNotReady, Silent: true, Transient: true}},
		"OtherOrganization": {
			"What is held elsewhere cannot be worked on through it.", binding("a").claimed(1).through("acme", moved), facts{Reason: v1alpha1.ReasonOrganizationMismatch},
		},
		"OtherHost": {
			"Nor at another Astro.", binding("a").claimed(1).through("acme", func(c *Connection) { c.Host = "other" }), facts{Reason: v1alpha1.ReasonOrganizationMismatch},
		},
		"PinnedElsewhere": {
			"A pin on a token of another Organization stands against it, too.", binding("a").seen().through("acme", moved), facts{Reason: v1alpha1.ReasonOrganizationMismatch},
		},
		"NotReady":          {"A connection without a credential takes nothing.", set(notReady), facts{Reason: v1alpha1.ReasonConnectionNotReady, Transient: true}},
		"NotReadyForAUser":  {"That somebody has to do something is passed on.", set(notReady, func(c *Connection) { c.NeedsUser = true }), facts{Reason: v1alpha1.ReasonConnectionNotReady, Transient: true, NeedsUser: true}},
		"NotReadyToDelete":  {"The last good credential revokes.", binding("a").claimed(1).deleting().through("acme", notReady), facts{}},
		"NoCredentialEver":  {"Without any it cannot.", binding("a").claimed(1).deleting().through("acme", notReady, notCallable), facts{Reason: v1alpha1.ReasonConnectionNotReady, Transient: true}},
		"Deleting":          {"It takes nothing new.", set(func(c *Connection) { c.Deleting = true }), facts{Reason: v1alpha1.ReasonConnectionNotReady, NeedsUser: true}},
		"DeletingAndInUse":  {"What it holds goes on.", binding("a").claimed(1).through("acme", func(c *Connection) { c.Deleting = true }), facts{}},
		"PinnedToThisToken": {"A pin on a token of this Organization does not.", binding("a").seen(), facts{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := situation(c.binding)
			var got facts
			if f := s.unreachable(&s.Bindings[0]); f != nil {
				got = facts{f.Reason, f.Silent, f.Transient, f.NeedsUser}
			}
			differ(t, c.reason, "fault", c.want, got)
			if c.want.Reason == "" && !s.reaches(&s.Bindings[0]) {
				t.Errorf("%s\nnothing stands in the way, and it does not reach the token", c.reason)
			}
		})
	}
}
