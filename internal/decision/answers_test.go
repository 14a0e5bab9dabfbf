package decision

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

func TestWhatCannotBeWrittenToKubernetes(t *testing.T) {
	sequences{
		"FinalizerConflict": {
			reason: "Who could not be given the finalizer is left out and looked at again, the others go on.",
			parts:  of(binding("a"), binding("b").on(w2)),
			drive: func(w *driver) {
				w.patched = func(uid types.UID) error {
					if uid == "uid-a" {
						return errConflict
					}
					return nil
				}
			},
			effects: is{"AddFinalizers a b", "WriteJournal b", "ReadForWrite acme", "Post acme w2: add WORKSPACE_MEMBER", "Report", "Clear b"},
			states:  so{"a": "unchanged", "b": "True/Granted Held Created, changed"}, also: looksAgain(time.Second),
		},
		"JournalUnwritable": {
			reason: "What cannot be written down is not given; updates and revocations go on.",
			parts: of(binding("a"), binding("b").on(w2).claimed(1).role(owner).edited(), binding("c").on(d1).claimed(1).deleting(),
				holds(w2, member), holds(d1, admin)),
			drive: func(w *driver) { w.stored = errOdd },
			effects: is{
				"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "MayRevoke acme d1",
				"Post acme w2: change WORKSPACE_MEMBER to WORKSPACE_OWNER, d1: remove DEPLOYMENT_ADMIN", "Report", "Report",
			},
			states: so{"a": "Unknown/JournalUnwritable", "b": "True/RoleUpdated Held Created, changed", "c": "unchanged, released, revoked"},
			holds:  at{w1: "", w2: owner, d1: ""},
		},
		"FinalizerRefused": {
			reason: "What Kubernetes has against the finalizer is told, nothing is given, and the others go on.",
			parts:  of(binding("a"), binding("b").on(w2)),
			drive: func(w *driver) {
				w.patched = func(uid types.UID) error {
					if uid == "uid-a" {
						return errDenied
					}
					return nil
				}
			},
			effects: is{"AddFinalizers a b", "WriteJournal b", "ReadForWrite acme", "Post acme w2: add WORKSPACE_MEMBER", "Report", "Clear b"},
			states:  so{"a": "False/KubernetesRefused", "b": "True/Granted Held Created, changed"}, holds: at{w1: ""},
			also: says("a", "needs the label cost-centre"),
		},
		"FinalizerRefusedAgain": {
			reason:  "A role that is held stays as it is where its finalizer may not be put back, and is not said to be Ready.",
			parts:   of(binding("a").claimed(1).role(owner).edited().edit(func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers = nil }), holds(w1, member)),
			drive:   func(w *driver) { w.patched = func(types.UID) error { return errDenied } },
			effects: is{"AddFinalizers a", "Report"},
			states:  so{"a": "False/KubernetesRefused Held Created"}, holds: at{w1: member},
		},
		"ReleaseRefused": {
			reason:  "A binding that cannot be let go is never Ready of a role that was revoked, and gives its claim up.",
			parts:   of(binding("a").claimed(1).deleting(), holds(w1, member)),
			drive:   deniesRelease,
			effects: is{"ReadForWrite acme", "MayRevoke acme w1", "Post acme w1: remove WORKSPACE_MEMBER", "Report", "Report"},
			states:  so{"a": "False/KubernetesRefused Released Created, revoked"}, holds: at{w1: ""},
			also: func(t *testing.T, w *driver) {
				says("a", "gone from Astro")(t, w)
				differ(t, "The role is not shown as held.", "role", "", w.statements["uid-a"].Status.Role)
				again := drive(t, w.next(time.Minute), deniesRelease)
				differ(t, "Astro is not asked again.", "effects", is{"Report", "Report"}, again.effects)
				differ(t, "The same is told.", "status", w.message("a"), again.message("a"))
				gone := drive(t, w.next(time.Minute))
				differ(t, "Once it may, it goes.", "states", "unchanged, released", gone.state("a"))
			},
		},
		"ReleaseOfRetainedRefused": {
			reason: "Who leaves its role says so, and keeps the claim.",
			parts: of(binding("a").claimed(1).deleting().edit(func(b *v1alpha1.ScopedTokenBinding) { b.Spec.DeletionPolicy = v1alpha1.DeletionRetain }),
				holds(w1, member)),
			drive:   deniesRelease,
			effects: is{"Report", "Report"},
			states:  so{"a": "False/KubernetesRefused Held Created"}, holds: at{w1: member},
			also: says("a", "left in Astro as it is"),
		},
		"ReleaseConflict": {
			reason:  "That somebody else was first is not worth a word.",
			parts:   of(binding("a").claimed(1).deleting()),
			drive:   func(w *driver) { w.told = func(types.UID) error { return errConflict } },
			effects: is{"Read acme", "Report"},
			states:  so{"a": "unchanged, released"}, also: looksAgain(time.Second),
		},
		"EverythingRefused": {
			reason:  "Where the status is refused as well, it is left at that.",
			parts:   of(binding("a").claimed(1).deleting()),
			drive:   func(w *driver) { w.told = func(types.UID) error { return errDenied } },
			effects: is{"Read acme", "Report", "Report"},
			states:  so{"a": "False/KubernetesRefused Released Created"},
		},
		"StatusUnwritten": {
			reason:  "An entry stays in the journal until the status holds the claim.",
			parts:   of(binding("a")),
			drive:   func(w *driver) { w.told = func(types.UID) error { return errConflict } },
			effects: is{"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER", "Report"},
			also:    journalHolds(1),
		},
	}.check(t)
}

// errDenied is how the API server refuses a write by an admission policy.
var errDenied = apierrors.NewForbidden(schema.GroupResource{Resource: "scopedtokenbindings"}, "a", errors.New("every object needs the label cost-centre"))

// deniesRelease refuses the removal of finalizers alone.
func deniesRelease(w *driver) {
	w.told = func(uid types.UID) error {
		if w.statements[uid].Release {
			return errDenied
		}
		return nil
	}
}

// says checks what the Ready condition of a binding says.
func says(name, words string) func(*testing.T, *driver) {
	return func(t *testing.T, w *driver) {
		t.Helper()
		if !strings.Contains(w.message(name), words) {
			t.Errorf("%q is not in %q", words, w.message(name))
		}
	}
}

func TestAnswers(t *testing.T) {
	unconfirmed := func(u astro.Update) astro.Update {
		u.Confirmed = false
		return u
	}
	sequences{
		"Lost": {
			reason: "A write whose answer is lost may have reached Astro, so the journal keeps the entry.",
			parts:  of(binding("a")), drive: func(w *driver) { w.answer = func(int) error { return errLost } },
			effects: is{"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER", "Report"},
			states:  so{"a": "Unknown/Unreachable"}, holds: at{w1: member}, also: journalHolds(1),
		},
		"Refused": {
			reason: "A definite refusal gave nothing: the entry goes before the refusal is told.",
			parts:  of(binding("a")), drive: refuses(errInvalid, member),
			effects: is{
				"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER",
				"Diagnose w1: add WORKSPACE_MEMBER, dangling", "Withdraw a", "Report",
			},
			states: so{"a": "False/RefusedByAstro"}, also: journalHolds(0),
		},
		"Forbidden": {
			reason: "What the credential may not needs no diagnosis.",
			parts:  of(binding("a")), drive: refuses(errForbidden, member),
			effects: is{"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER", "Withdraw a", "Report"},
			states:  so{"a": "False/PermissionDenied"}, also: journalHolds(0),
		},
		"Unconfirmed": {
			reason: "What Astro took and does not show yet is looked at again before it is called drift, and is claimed.",
			parts:  of(binding("a")), drive: func(w *driver) { w.update = unconfirmed },
			effects: is{"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER", "Report", "Clear a"},
			states:  so{"a": "False/DriftDetected Held Created, changed"}, also: looksAgain(lookAgain),
		},
		"UnconfirmedInParts": {
			reason: "It is not sent again because the read for the next part does not show it.",
			parts:  of(binding("a"), binding("b").on(w2).role(owner)),
			drive: func(w *driver) {
				refuses(errInvalid, owner)(w)
				w.update = unconfirmed
				w.read = func(int) error {
					w.astro.Roles = w.astro.Roles[:1]
					return nil
				}
			},
			effects: is{
				"AddFinalizers a b", "WriteJournal a b", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER, w2: add WORKSPACE_OWNER",
				"ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER", "ReadForWrite acme", "Post acme w2: add WORKSPACE_OWNER",
				"Diagnose w2: add WORKSPACE_OWNER", "Withdraw b", "Report", "Clear a",
			},
		},
		"RevocationUnconfirmed": {
			reason: "A binding does not go while Astro may still hold its role.",
			parts:  of(binding("a").claimed(1).deleting(), holds(w1, member)), drive: func(w *driver) { w.update = unconfirmed },
			effects: is{"ReadForWrite acme", "MayRevoke acme w1", "Post acme w1: remove WORKSPACE_MEMBER", "Report"},
			states:  so{"a": "False/DriftDetected Held Created, revoked"}, also: looksAgain(lookAgain),
		},
		"AccessorOfAstros": {
			reason: "An accessor role that Astro puts in the place of one that was taken out is nobody's: the binding goes.",
			parts:  of(binding("a").claimed(1).deleting(), holds(w1, member)),
			drive: func(w *driver) {
				w.update = func(u astro.Update) astro.Update {
					u.After.Roles = append(slices.Clone(u.After.Roles), astro.NewRole(w1.Kind, w1.ID, accessor))
					u.Accessors = []astro.RoleKey{w1.Key()}
					return u
				}
			},
			effects: is{"ReadForWrite acme", "MayRevoke acme w1", "Post acme w1: remove WORKSPACE_MEMBER", "Report"},
			states:  so{"a": "unchanged, released, revoked"},
		},
	}.check(t)
}
