package decision

import (
	"errors"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// refusedBefore says that Astro refused the binding's role on w1 so long ago.
func refusedBefore(x *bindingBuilder, to string, ago time.Duration, err error) with {
	return remembered(func(m Memory) Memory {
		b := x.b
		return m.refused(&b, w1, to, Refusal{
			At: now.Add(-ago), Forbidden: errors.Is(err, errForbidden), Invalid: errors.Is(err, errInvalid), Fault: fault.FromAstroError(v1alpha1.ConditionSynced, "x", err),
		})
	})
}

func TestChanges(t *testing.T) {
	rest := 5 * time.Minute * 3 / 4
	cases := map[string]struct {
		reason string
		parts  []part
		want   []string
	}{
		"Order": {
			reason: "Every prefix can be written by itself: Workspaces first on the way up and last on the way down.",
			parts:  of(binding("a").on(d1), binding("b").on(w2), binding("c").claimed(1).deleting(), binding("d").on(d2).claimed(1).deleting(), holds(w1, member), holds(d2, admin)),
			want: is{
				"w2: add WORKSPACE_MEMBER for team/b", "d1: add DEPLOYMENT_ADMIN for team/a",
				"d2: remove DEPLOYMENT_ADMIN for team/d", "w1: remove WORKSPACE_MEMBER for team/c",
			},
		},
		"Shared": {
			reason: "One change is made for all who want it, with the credential of the first.",
			parts:  of(binding("b").made(1).through("other"), binding("a").made(2)),
			want:   is{"w1: add WORKSPACE_MEMBER for team/b, team/a through other"},
		},
		"ThroughAnother": {
			reason: "Where Astro forbids it the first, the next tries.",
			parts:  of(binding("a"), binding("b").through("other"), refusedBefore(binding("a"), member, time.Minute, errForbidden)),
			want:   is{"w1: add WORKSPACE_MEMBER for team/a, team/b through other"},
		},
		"ThroughTheSame": {
			reason: "Not through the connection that was forbidden.",
			parts:  of(binding("a"), binding("b"), refusedBefore(binding("a"), member, time.Minute, errForbidden)),
			want:   is{"w1: add WORKSPACE_MEMBER for team/a, team/b refused PermissionDenied"},
		},
		"InvalidForAll": {
			reason: "What is invalid is invalid through every connection.",
			parts:  of(binding("a"), binding("b").through("other"), refusedBefore(binding("a"), member, time.Minute, errInvalid)),
			want:   is{"w1: add WORKSPACE_MEMBER for team/a, team/b refused RefusedByAstro"},
		},
		"Resting": {
			reason: "A refused change rests until the next sweep.",
			parts:  of(binding("a"), refusedBefore(binding("a"), member, rest-time.Second, errInvalid)),
			want:   is{"w1: add WORKSPACE_MEMBER for team/a refused RefusedByAstro"},
		},
		"Rested": {
			reason: "Then it is tried by itself.",
			parts:  of(binding("a"), refusedBefore(binding("a"), member, rest, errInvalid)),
			want:   is{"w1: add WORKSPACE_MEMBER for team/a alone"},
		},
		"OtherRole": {
			reason: "Another role is another change.",
			parts:  of(binding("a").role(owner), refusedBefore(binding("a"), member, time.Minute, errInvalid)),
			want:   is{"w1: add WORKSPACE_OWNER for team/a"},
		},
		"Edited": {
			reason: "An edited spec is tried at once.",
			parts:  of(binding("a").edited(), refusedBefore(binding("a"), member, time.Minute, errInvalid)),
			want:   is{"w1: add WORKSPACE_MEMBER for team/a"},
		},
		"Lost": {
			reason: "A connection that could not be used is not used again.",
			parts:  of(binding("a").claimed(1), lost(connection("acme").ID, errThrottled)),
			want:   is{"w1: add WORKSPACE_MEMBER for team/a refused RateLimited"},
		},
		"Limited": {
			reason: "What the limit holds back is not revoked.",
			parts:  of(binding("a").claimed(1).deleting(), holds(w1, member), with(func(s *Situation) { s.Limited = map[roleset.Target]bool{w1: true} })),
			want:   is{"w1: remove WORKSPACE_MEMBER for team/a refused RevocationLimited"},
		},
		"LimitedGrant": {
			reason: "The limit is for revocations only.",
			parts:  of(binding("a").claimed(1), with(func(s *Situation) { s.Limited = map[roleset.Target]bool{w1: true} })),
			want:   is{"w1: add WORKSPACE_MEMBER for team/a"},
		},
		"Unseen": {
			reason: "What Astro took and does not show is not sent again.",
			parts:  of(binding("a").claimed(1), with(func(s *Situation) { s.Unseen = map[roleset.Target]string{w1: "not shown"} })),
			want:   is{"w1: add WORKSPACE_MEMBER for team/a refused DriftDetected"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := situation(c.parts...)
			differ(t, c.reason, "changes", c.want, changed(s, Decide(s)))
		})
	}
}

func TestWhoIsChallenged(t *testing.T) {
	other := func(name string) *bindingBuilder { return binding(name).role(owner).through("other") }
	acme := connection("acme").ID
	cases := map[string]struct {
		reason string
		parts  []part
		want   string
	}{
		"Disagree":     {"The winner over a claim through another credential.", of(binding("a").claimed(1), other("b"), holds(w1, member)), acme},
		"Kept":         {"Whoever would keep up a role that leaves.", of(binding("a").claimed(2), other("b").role(member).claimed(1).deleting().through("other"), holds(w1, member)), acme},
		"OnHold":       {"One on hold that keeps others waiting.", of(binding("a").claimed(1).suspended(), other("b").role(member)), acme},
		"Known":        {"Not one that is known to write.", of(binding("a").claimed(1), other("b"), holds(w1, member), remembered(func(m Memory) Memory { return m.writer("credential of acme", true) })), ""},
		"KnownNot":     {"Nor one that is known not to.", of(binding("a").claimed(1), other("b"), holds(w1, member), remembered(func(m Memory) Memory { return m.writer("credential of acme", false) })), ""},
		"SameCredence": {"Nor one against itself.", of(binding("a").claimed(1), binding("b").role(owner), holds(w1, member)), ""},
		"Agree":        {"Nor where all agree.", of(binding("a").claimed(1), other("b").role(member), holds(w1, member)), ""},
		"Lost":         {"Nor through a connection that is of no use now.", of(binding("a").claimed(1), other("b"), holds(w1, member), lost(acme, errLost)), ""},
		"Itself":       {"Nor one to write the token that it is.", of(binding("a").claimed(1), other("b"), holds(w1, member), token(func(o *Observation) { o.CredentialOf = []string{acme} })), ""},
		"Down":         {"Nor through one that is not ready.", of(binding("a").claimed(1).through("acme", func(c *Connection) { c.Ready = false }), other("b"), holds(w1, member)), ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := situation(c.parts...)
			differ(t, c.reason, "challenged", c.want, s.challenge(Decide(s)))
		})
	}
}
