package decision

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// until sets when the binding expires.
func (x *bindingBuilder) until(at time.Time) *bindingBuilder {
	x.b.Object.Spec.ExpiresAt = new(metav1.NewTime(at))
	return x
}

// over is a binding whose time has just ended.
func over(name string) *bindingBuilder { return binding(name).until(now) }

// logs checks what the audit log would say.
func logs(want ...string) func(*testing.T, *driver) {
	return func(t *testing.T, w *driver) {
		t.Helper()
		differ(t, "what the audit log says", "entries", want, w.audit)
	}
}

func TestExpiry(t *testing.T) {
	revoke := is{"ReadForWrite acme", "MayRevoke acme w1", "Post acme w1: remove WORKSPACE_MEMBER", "Report"}
	sequences{
		"Before": {
			reason: "Until then it has its role, and is looked at when it ends.", parts: of(binding("a").claimed(1).until(now.Add(time.Hour)), holds(w1, member)),
			effects: is{"Report"}, states: so{"a": "True/Granted Held Created"}, holds: at{w1: member}, also: wakesIn(time.Hour),
		},
		"Given": {
			reason: "A new one is given it.", parts: of(binding("a").until(now.Add(time.Minute))),
			effects: is{"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER", "Report", "Clear a"},
			states:  so{"a": "True/Granted Held Created, changed"}, also: wakesIn(time.Minute),
		},
		"Over": {
			reason: "Then the role goes and the object stays, without claim and finalizer.", parts: of(over("a").claimed(1), holds(w1, member)),
			effects: revoke, states: so{"a": "True/Expired Released , released, revoked"}, holds: at{w1: ""},
			also: logs("w1: WORKSPACE_MEMBER to none, expired, confirmed for a"),
		},
		"OverAnyRole": {
			reason: "Whatever role it is by then.", parts: of(over("a").claimed(1), holds(w1, owner)),
			effects: is{"ReadForWrite acme", "MayRevoke acme w1", "Post acme w1: remove WORKSPACE_OWNER", "Report"}, holds: at{w1: ""},
		},
		"OverAndGone": {
			reason: "What somebody has removed before is not removed again.", parts: of(over("a").claimed(1)),
			effects: is{"Read acme", "Report"}, states: so{"a": "True/Expired Released , released"},
		},
		"OverWithoutASecret": {
			reason:  "What was given with a credential that is no longer in its Secret goes with it, as if the binding were deleted.",
			parts:   of(over("a").claimed(1).through("acme", func(c *Connection) { c.Ready = false }), holds(w1, member)),
			effects: revoke, states: so{"a": "True/Expired Released , released, revoked"}, holds: at{w1: ""},
		},
		"OverWithoutACredential": {
			reason:  "Without any it cannot go, and the binding does not say that it is as declared.",
			parts:   of(over("a").claimed(1).through("acme", func(c *Connection) { c.Ready, c.Callable = false, false }), holds(w1, member)),
			effects: is{"Report"}, states: so{"a": "Unknown/ConnectionNotReady Held Created"}, holds: at{w1: member},
		},
		"OverAndAdopted": {
			reason: "What was adopted goes as well.", parts: of(over("a").adopted(1), holds(w1, member)),
			effects: revoke, states: so{"a": "True/Expired Released , released, revoked"}, holds: at{w1: ""},
		},
		"OverAdoptedForbidden": {
			reason: "Unless the rules do not let the binding touch it.", parts: of(over("a").adopted(1).through("acme", onlyRole("other")), holds(w1, member)),
			effects: is{"Report"}, states: so{"a": "False/RoleNotAllowed Held Adopted"}, holds: at{w1: member},
		},
		"OverForbidden": {
			reason: "Removing what the operator gave needs no rule.", parts: of(over("a").claimed(1).through("acme", onlyRole("other")), holds(w1, member)),
			effects: revoke, states: so{"a": "True/Expired Released , released, revoked"}, holds: at{w1: ""},
		},
		"OverAndRetained": {
			reason: "What becomes of a deletion is another matter.", parts: of(over("a").claimed(1).edit(func(b *v1alpha1.ScopedTokenBinding) {
				b.Spec.DeletionPolicy = v1alpha1.DeletionRetain
			}), holds(w1, member)),
			effects: revoke, holds: at{w1: ""},
		},
		"OverAndDeleted": {
			reason: "A deletion goes before.", parts: of(over("a").claimed(1).deleting().edit(func(b *v1alpha1.ScopedTokenBinding) {
				b.Spec.DeletionPolicy = v1alpha1.DeletionRetain
			}), holds(w1, member)),
			effects: is{"Report"}, states: so{"a": "unchanged, released"}, holds: at{w1: member},
		},
		"OverAndSuspended": {
			reason: "Who is suspended is left alone.", parts: of(over("a").claimed(1).suspended(), holds(w1, member)),
			effects: is{"Report"}, states: so{"a": "False/Suspended Held Created"}, holds: at{w1: member},
		},
		"OverAndLimited": {
			reason: "The revocation limit counts.", parts: of(over("a").claimed(1).through("acme", limited), holds(w1, member)),
			drive:   func(w *driver) { w.limit = map[roleset.Target]bool{w1: true} },
			effects: is{"ReadForWrite acme", "MayRevoke acme w1", "Report"}, states: so{"a": "False/RevocationLimited Held Created"}, holds: at{w1: member},
		},
		"OverAndRefused": {
			reason: "That Astro refuses it is told.", parts: of(over("a").claimed(1), holds(w1, member)),
			drive:   func(w *driver) { w.refuse = func([]astro.Role) error { return errForbidden } },
			effects: is{"ReadForWrite acme", "MayRevoke acme w1", "Post acme w1: remove WORKSPACE_MEMBER", "Report"},
			states:  so{"a": "False/PermissionDenied Held Created"}, holds: at{w1: member},
		},
		"OverAndOutOfReach": {
			reason: "While nobody can look it is neither said to be over nor to be as declared.", parts: of(over("a").claimed(1), presence(Unseen)),
			effects: is{"Report"}, states: so{"a": "Unknown/Unreachable Held Created"},
		},
		"OverAndTokenGone": {
			reason: "With the token the role is gone.", parts: of(over("a").claimed(1), presence(Gone)),
			effects: is{"Report"}, states: so{"a": "True/Expired Released , released"},
		},
		"OverAndObserving": {
			reason: "Who observes takes nothing away.", parts: of(over("a").observing(), holds(w1, owner)),
			effects: is{"Report"}, states: so{"a": "True/Expired"}, holds: at{w1: owner},
		},
		"OverAndObserved": {
			reason: "Through a connection that observes it is only said.", parts: of(over("a").claimed(1).observed(), holds(w1, member)),
			effects: is{"Read acme", "Report"}, states: so{"a": "True/WouldChange Held Created"}, holds: at{w1: member},
		},
		"OverAndShared": {
			reason: "A role that another binding holds stays.", parts: of(over("a").claimed(1), binding("b").claimed(2), holds(w1, member)),
			effects: is{"Read acme", "Report", "Report"},
			states:  so{"a": "True/Expired Released , released, kept", "b": "True/Granted Held Created"}, holds: at{w1: member},
			also: logs("w1: WORKSPACE_MEMBER, expired, retained for a b"),
		},
		"OverAndNext": {
			reason: "The next in its place comes to its right.", parts: of(over("a").claimed(1), binding("b").role(owner), holds(w1, member)),
			effects: is{"AddFinalizers b", "WriteJournal b", "ReadForWrite acme", "Post acme w1: change WORKSPACE_MEMBER to WORKSPACE_OWNER", "Report", "Report", "Clear b"},
			states:  so{"a": "True/Expired Released , released, kept", "b": "True/Granted Held Created, changed"}, holds: at{w1: owner},
		},
		"NeverGiven": {
			reason: "One that never came to its role says so, and takes nothing.", parts: of(over("a")),
			effects: is{"Report"}, states: so{"a": "True/Expired"}, holds: at{w1: ""},
		},
		"NeverBegan": {
			reason: "A time that was over when the binding was made is a mistake.", parts: of(binding("a").made(5).until(onDay(4))),
			effects: is{"Report"}, states: so{"a": "False/Expired"}, holds: at{w1: ""},
		},
		"HadItsRole": {
			reason: "Unless it has had its role: its time was cut short.", parts: of(binding("a").made(5).until(onDay(4)).claimed(6).edit(func(b *v1alpha1.ScopedTokenBinding) {
				b.Status.Claim.State, b.Finalizers = v1alpha1.ClaimReleased, nil
			}).but(func(b *Binding) { b.Claim = nil })),
			effects: is{"Report"}, states: so{"a": "True/Expired Released "},
		},
		"Extended": {
			reason: "A later time gives the role again.", parts: of(binding("a").until(now.Add(time.Hour)).edited().claimed(1).edit(func(b *v1alpha1.ScopedTokenBinding) {
				b.Status.Claim.State, b.Status.Role, b.Finalizers = v1alpha1.ClaimReleased, "", nil
				synced := meta.FindStatusCondition(b.Status.Conditions, v1alpha1.ConditionSynced)
				synced.Status, synced.Reason = metav1.ConditionFalse, v1alpha1.ReasonExpired
			}).but(func(b *Binding) { b.Claim = nil })),
			effects: is{"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER", "Report", "Clear a"},
			states:  so{"a": "True/Granted Held Created, changed"}, holds: at{w1: member},
		},
		"ExpiredWhileItWaited": {
			reason: "What expires while its slot is waited for is not given.", parts: of(binding("a").until(now.Add(time.Second))),
			drive:   func(w *driver) { w.later = now.Add(time.Minute) },
			effects: is{"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Withdraw a", "Report"},
			states:  so{"a": "True/Expired"}, holds: at{w1: ""}, also: journalHolds(0),
		},
		"Recovered": {
			reason: "What a write before a crash may have given goes once it shows.", parts: of(over("a").recovered(now), holds(w1, member)),
			effects: is{"ReadForWrite acme", "MayRevoke acme w1", "Post acme w1: remove WORKSPACE_MEMBER", "Report"},
			states:  so{"a": "False/Revoking, changed"}, holds: at{w1: ""}, also: looksAgain(settleTime),
		},
	}.check(t)
}

// wakesIn checks when the token is looked at again.
func wakesIn(d time.Duration) func(*testing.T, *driver) {
	return func(t *testing.T, w *driver) {
		t.Helper()
		differ(t, "it is looked at again when a binding expires", "wake", d, w.progress.Wake)
	}
}

// limited gives a connection a revocation limit.
func limited(c *Connection) { c.Object.ConnectionSpec().MaxRevocationsPerSweep = 1 }
