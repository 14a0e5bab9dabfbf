package decision

import (
	"slices"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

var errConflict error = apierrors.NewConflict(schema.GroupResource{}, "a", errOdd)

// sequences are cases of what is done in which order, and what comes of it.
type sequences map[string]struct {
	reason  string
	parts   []part
	drive   func(*driver)
	effects []string
	states  map[string]string
	holds   map[roleset.Target]string
	also    func(*testing.T, *driver)
}

func (cases sequences) check(t *testing.T) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var edits []func(*driver)
			if c.drive != nil {
				edits = append(edits, c.drive)
			}
			w := drive(t, situation(c.parts...), edits...)
			differ(t, c.reason, "effects", c.effects, w.effects)
			if c.states != nil {
				differ(t, c.reason, "states", c.states, w.states())
			}
			for target, role := range c.holds {
				differ(t, c.reason, "role on "+target.ID, role, w.on(target))
			}
			if c.also != nil {
				c.also(t, w)
			}
		})
	}
}

type (
	is = []string
	so = map[string]string
	at = map[roleset.Target]string
)

// journalHolds checks how many entries are left.
func journalHolds(n int) func(*testing.T, *driver) {
	return func(t *testing.T, w *driver) {
		t.Helper()
		differ(t, "what the journal is left with", "entries", n, len(w.journal))
	}
}

// looksAgain checks that another look is asked for within the time.
func looksAgain(within time.Duration) func(*testing.T, *driver) {
	return func(t *testing.T, w *driver) {
		t.Helper()
		if w.progress.Wake <= 0 || w.progress.Wake > within {
			t.Errorf("want another look within %s, got %s", within, w.progress.Wake)
		}
	}
}

// refuses has Astro refuse sets with such a role.
func refuses(err error, roles ...string) func(*driver) {
	return func(w *driver) {
		w.refuse = func(set []astro.Role) error {
			for _, r := range set {
				if slices.Contains(roles, r.Role) {
					return err
				}
			}
			return nil
		}
	}
}

func TestOrderOfAGrant(t *testing.T) {
	sequences{
		"New": {
			reason:  "The claim is known in the journal before Astro knows it, and in the status before it leaves the journal.",
			parts:   of(binding("a")),
			effects: is{"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER", "Report", "Clear a"},
			states:  so{"a": "True/Granted Held Created, changed"}, holds: at{w1: member}, also: journalHolds(0),
		},
		"NewThatCarriesTheFinalizer": {
			reason:  "A finalizer that is there already is not added again.",
			parts:   of(binding("a").finalized()),
			effects: is{"WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER", "Report", "Clear a"},
			states:  so{"a": "True/Granted Held Created, changed"},
		},
		"AdoptedInSync": {
			reason:  "Where Astro holds the role already, finalizer and status are all that is written.",
			parts:   of(binding("a"), holds(w1, member)),
			effects: is{"AddFinalizers a", "Read acme", "Report"},
			states:  so{"a": "True/Adopted Held Adopted"},
		},
		"AdoptedInSyncThatCarriesTheFinalizer": {
			reason:  "The claim is taken all the same: a crash came between finalizer and status, or the user wrote the finalizer.",
			parts:   of(binding("a").finalized(), holds(w1, member)),
			effects: is{"Read acme", "Report"},
			states:  so{"a": "True/Adopted Held Adopted"},
		},
		"AdoptedAndChanged": {
			reason:  "A role that is taken over and changed is given like a new one.",
			parts:   of(binding("a"), holds(w1, owner)),
			effects: is{"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Post acme w1: change WORKSPACE_OWNER to WORKSPACE_MEMBER", "Report", "Clear a"},
			states:  so{"a": "True/Adopted Held Adopted, changed"},
		},
		"MayNotAdopt": {
			reason: "Before a claim that may not adopt the token is read by id: the listing may be older than a role.",
			parts:  of(binding("a").adopt(v1alpha1.AdoptNever)),
			drive: func(w *driver) {
				w.astro.Roles = append(slices.Clone(w.astro.Roles), astro.NewRole(w1.Kind, w1.ID, owner))
			},
			effects: is{"Read acme", "Report"},
			states:  so{"a": "False/ExistingRole"}, holds: at{w1: owner},
		},
		"MayNotAdoptAndCannotBeRead": {
			reason:  "A read that fails is not made again and again.",
			parts:   of(binding("a").adopt(v1alpha1.AdoptNever)),
			drive:   func(w *driver) { w.read = func(int) error { return errLost } },
			effects: is{"Read acme", "Report"},
			states:  so{"a": "Unknown/Unreachable"},
		},
		"SeenInSyncMayNotAdoptAndCannotBeRead": {
			reason: "Nor is a binding that was looked at before told that it has its role without a claim.",
			parts: of(binding("a").adopt(v1alpha1.AdoptIfSameRole).seen().edit(func(o *v1alpha1.ScopedTokenBinding) {
				o.Status.Conditions = o.Status.Conditions[:0]
			}), holds(w1, member)),
			drive:   func(w *driver) { w.read = func(int) error { return errLost } },
			effects: is{"Read acme", "Report"},
			states:  so{"a": "Unknown/Unreachable"},
		},
		"InSync": {
			reason:  "Idle costs nothing.",
			parts:   of(binding("a").claimed(1), holds(w1, member)),
			effects: is{"Report"},
			states:  so{"a": "True/Granted Held Created"},
		},
		"Edited": {
			reason:  "A claim that is held needs no journal.",
			parts:   of(binding("a").claimed(1).role(owner).edited(), holds(w1, member)),
			effects: is{"ReadForWrite acme", "Post acme w1: change WORKSPACE_MEMBER to WORKSPACE_OWNER", "Report"},
			states:  so{"a": "True/RoleUpdated Held Created, changed"},
		},
		"Drifted": {
			reason:  "A role that others changed is put back.",
			parts:   of(binding("a").claimed(1)),
			effects: is{"ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER", "Report"},
			states:  so{"a": "True/DriftCorrected Held Created, changed"},
		},
		"FinalizerStripped": {
			reason:  "Who holds a claim and lost the finalizer gets it again.",
			parts:   of(binding("a").claimed(1).edit(func(o *v1alpha1.ScopedTokenBinding) { o.Finalizers = nil }), holds(w1, member)),
			effects: is{"AddFinalizers a", "Report"},
		},
		"Recovered": {
			reason:  "A claim that only the journal knows is given its role, told, and taken out of the journal.",
			parts:   of(binding("a").recovered(now)),
			effects: is{"ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER", "Report", "Clear a"},
			states:  so{"a": "True/Granted Held Created, changed"},
		},
		"Observing": {
			reason:  "Observe writes nothing but what it would do.",
			parts:   of(binding("a").observing()),
			effects: is{"Read acme", "Report"},
			states:  so{"a": "True/WouldChange"},
		},
		"ObserveReleasesTheClaim": {
			reason:  "Who goes over to Observe leaves the claim and the finalizer, and the role stays.",
			parts:   of(binding("a").claimed(1).observing().edited(), holds(w1, member)),
			effects: is{"Read acme", "Report"},
			states:  so{"a": "True/InSync Released , released"}, holds: at{w1: member},
		},
		"ObserveAfterACrash": {
			reason: "So it is where the process ended after the finalizer went and before the journal was cleared.",
			parts: of(binding("a").recovered(now.Add(-time.Minute)).observing().but(func(b *Binding) {
				b.Object.Finalizers = nil
			}), holds(w1, member)),
			effects: is{"Read acme", "Report", "Clear a"}, holds: at{w1: member},
		},
	}.check(t)
}

// shared has a connection work with the credential of "acme".
func shared(c *Connection) { c.Credential = connection("acme").Credential }

func TestConnectionsThatShareACredential(t *testing.T) {
	sequences{
		"OneWrite": {
			reason: "What is declared through either goes into one write.",
			parts:  of(binding("a"), binding("b").on(w2).through("other", shared)),
			effects: is{
				"AddFinalizers a b", "WriteJournal a b", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER, w2: add WORKSPACE_MEMBER", "Report", "Clear a b",
			},
			holds: at{w1: member, w2: member},
		},
		"TwoCredentials": {
			reason: "With another credential it is another write.",
			parts:  of(binding("a"), binding("b").on(w2).through("other")),
			effects: is{
				"AddFinalizers a b", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER",
				"WriteJournal b", "ReadForWrite other", "Post other w2: add WORKSPACE_MEMBER", "Report", "Clear a b",
			},
			holds: at{w1: member, w2: member},
		},
		"Revocations": {
			reason: "The limit of each connection is asked about its own revocations.",
			parts:  of(binding("a").claimed(1).deleting(), binding("b").on(w2).claimed(1).deleting().through("other", shared), holds(w1, member), holds(w2, member)),
			effects: is{
				"ReadForWrite acme", "MayRevoke acme w1", "MayRevoke other w2", "Post acme w1: remove WORKSPACE_MEMBER, w2: remove WORKSPACE_MEMBER", "Report",
			},
			holds: at{w1: "", w2: ""},
		},
		"Lost": {
			reason:  "What goes wrong with the credential goes wrong for both, and is not tried twice.",
			parts:   of(binding("a"), binding("b").on(w2).through("other", shared)),
			drive:   func(w *driver) { w.answer = func(int) error { return errLost } },
			effects: is{"AddFinalizers a b", "WriteJournal a b", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER, w2: add WORKSPACE_MEMBER", "Report"},
		},
	}.check(t)
}
