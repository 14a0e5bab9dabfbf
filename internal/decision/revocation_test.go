package decision

import (
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

func TestRevocations(t *testing.T) {
	sequences{
		"Deleted": {
			reason:  "A binding that is deleted goes once its role is known to be gone.",
			parts:   of(binding("a").claimed(1).deleting(), holds(w1, member)),
			effects: is{"ReadForWrite acme", "MayRevoke acme w1", "Post acme w1: remove WORKSPACE_MEMBER", "Report"},
			states:  so{"a": "unchanged, released, revoked"}, holds: at{w1: ""},
		},
		"GoneAlready": {
			reason:  "That the role is gone is read by id before it counts.",
			parts:   of(binding("a").claimed(1).deleting()),
			effects: is{"Read acme", "Report"},
			states:  so{"a": "unchanged, released"},
		},
		"GoneAlreadyButUnreadable": {
			reason:  "Where it cannot be read, the binding waits.",
			parts:   of(binding("a").claimed(1).deleting()),
			drive:   func(w *driver) { w.read = func(int) error { return errLost } },
			effects: is{"Read acme", "Report"},
			states:  so{"a": "Unknown/Unreachable Held Created"},
		},
		"Shared": {
			reason:  "A role that another claim is on stays.",
			parts:   of(binding("a").claimed(1).deleting(), binding("b").claimed(2), holds(w1, member)),
			effects: is{"Read acme", "Report", "Report"},
			states:  so{"a": "unchanged, released, kept", "b": "True/Granted Held Created"}, holds: at{w1: member},
		},
		"Promoted": {
			reason:  "When the winner goes, the loser is promoted in the same reconcile, and has the origin of the claim that it covers.",
			parts:   of(binding("a").claimed(1).deleting(), binding("b").role(owner), holds(w1, member)),
			effects: is{"AddFinalizers b", "WriteJournal b", "ReadForWrite acme", "Post acme w1: change WORKSPACE_MEMBER to WORKSPACE_OWNER", "Report", "Report", "Clear b"},
			states:  so{"a": "unchanged, released, kept", "b": "True/Granted Held Created, changed"},
		},
		"Overruled": {
			reason:  "Who could not revoke its role is let go once another, which may write it, has it.",
			parts:   of(binding("a").claimed(1).deleting(), binding("b").claimed(2).through("other"), holds(w1, member), writers("acme", "other")),
			effects: is{"Report", "Report"},
			states:  so{"a": "unchanged, released, kept", "b": "True/Granted Held Created"},
		},
		"OverruledAndExpired": {
			reason:  "The same of one whose time is over.",
			parts:   of(over("a").claimed(1), binding("b").claimed(2).through("other"), holds(w1, member), writers("acme", "other")),
			effects: is{"Report", "Report"},
			states:  so{"a": "True/Expired Released , released, kept", "b": "True/Granted Held Created"},
		},
		"OverruledByNobody": {
			reason:  "Until then it waits, and says why.",
			parts:   of(binding("a").claimed(1).deleting(), binding("b").role(owner).suspended().claimed(2).through("other"), holds(w1, member), writers("acme", "other")),
			effects: is{"Report", "Report"},
			states:  so{"a": "False/PermissionDenied Held Created", "b": "False/Suspended Held Created"}, also: looksAgain(orphanAgain),
		},
		"Limited": {
			reason:  "What the revocation limit holds back is neither removed nor let go.",
			parts:   of(binding("a").claimed(1).deleting(), binding("b").on(w2).claimed(1).deleting(), holds(w1, member), holds(w2, member)),
			drive:   func(w *driver) { w.limit = map[roleset.Target]bool{w1: true} },
			effects: is{"ReadForWrite acme", "MayRevoke acme w1 w2", "Post acme w2: remove WORKSPACE_MEMBER", "Report"},
			states:  so{"a": "False/RevocationLimited Held Created", "b": "unchanged, released, revoked"}, holds: at{w1: member, w2: ""},
		},
		"AllLimited": {
			reason:  "Then nothing is written.",
			parts:   of(binding("a").claimed(1).deleting(), holds(w1, member)),
			drive:   func(w *driver) { w.limit = map[roleset.Target]bool{w1: true} },
			effects: is{"ReadForWrite acme", "MayRevoke acme w1", "Report"},
		},
		"Withdrawn": {
			reason:  "A role that the rules no longer allow is taken away, and the claim with it; the binding stays and says why.",
			parts:   of(binding("a").claimed(1).through("acme", onlyRole(owner), withdrawing), holds(w1, member)),
			effects: is{"ReadForWrite acme", "MayRevoke acme w1", "Post acme w1: remove WORKSPACE_MEMBER", "Report"},
			states:  so{"a": "False/RoleNotAllowed Released , released, revoked"}, holds: at{w1: ""},
		},
		"OrphanGoes": {
			reason:  "What a vanished object was granted is revoked, and its entry cleared.",
			parts:   of(binding("a").claimed(1).orphan().but(func(b *Binding) { b.Journaled = true }), holds(w1, member)),
			effects: is{"ReadForWrite acme", "MayRevoke acme w1", "Post acme w1: remove WORKSPACE_MEMBER", "Report", "Clear a"},
			states:  so{"a": "unchanged, released, revoked"},
		},
		"RemovalGoes": {
			reason:  "What nobody declares is removed once it was confirmed, under the limit, and its entry cleared.",
			parts:   of(removal(w1, member), holds(w1, member), holds(w2, owner)),
			effects: is{"ReadForWrite acme", "MayRevoke acme w1", "Post acme w1: remove WORKSPACE_MEMBER", "Report", "Clear inventory"},
			states:  so{"inventory": "unchanged, released, changed"}, holds: at{w1: "", w2: owner},
		},
		"RemovalLimited": {
			reason:  "What the limit holds back waits, and its entry stays.",
			parts:   of(removal(w1, member), holds(w1, member)),
			drive:   func(w *driver) { w.limit = map[roleset.Target]bool{w1: true} },
			effects: is{"ReadForWrite acme", "MayRevoke acme w1", "Report"}, also: looksAgain(orphanAgain), holds: at{w1: member},
		},
		"RemovalOvertaken": {
			reason: "What was changed while the slot was waited for was not confirmed.",
			parts:  of(removal(w1, member), holds(w1, member)),
			drive: func(w *driver) {
				w.read = func(int) error {
					w.astro.Roles = []astro.Role{w.astro.Roles[0], astro.NewRole(w1.Kind, w1.ID, owner)}
					return nil
				}
			},
			effects: is{"ReadForWrite acme", "Report", "Clear inventory"},
			states:  so{"inventory": "unchanged, released"}, holds: at{w1: owner},
		},
		"OrphanInTheWay": {
			reason: "One that cannot be revoked keeps nobody from its place, and is done with once somebody else has the role.",
			parts: of(binding("a").claimed(1).orphan().but(func(b *Binding) { b.Journaled = true }).through("lost", noConnection),
				binding("b").role(owner), holds(w1, member)),
			effects: is{"AddFinalizers b", "WriteJournal b", "ReadForWrite acme", "Post acme w1: change WORKSPACE_MEMBER to WORKSPACE_OWNER", "Report", "Report", "Clear a b"},
			states:  so{"a": "unchanged, released", "b": "True/Granted Held Created, changed"}, holds: at{w1: owner},
		},
		"OrphanOfAWeakHeir": {
			reason: "Who was never seen to write the token ends no orphan: it could keep a role that it cannot take away.",
			parts: of(binding("a").claimed(1).orphan().but(func(b *Binding) { b.Journaled = true }).through("lost", noConnection),
				binding("b").claimed(2), holds(w1, member)),
			effects: is{"Report", "Report"},
			states:  so{"a": "unchanged", "b": "True/Granted Held Created"}, also: looksAgain(orphanAgain),
		},
		"OrphanOfNothing": {
			reason:  "One that the rules hold is done with once Astro holds nothing in its place, for which the token is read.",
			parts:   of(binding("a").adopted(1).orphan().but(func(b *Binding) { b.Journaled = true }).through("acme", onlyRole(owner))),
			effects: is{"Read acme", "Report", "Clear a"}, states: so{"a": "unchanged, released"},
		},
		"HeldOfNothing": {
			reason:  "So is one that is there.",
			parts:   of(binding("a").adopted(1).deleting().through("acme", onlyRole(owner))),
			effects: is{"Read acme", "Report"}, states: so{"a": "unchanged, released"},
		},
		"OrphanKeepsNothing": {
			reason: "Nor does it keep what a binding gives up that is there.",
			parts: of(binding("a").claimed(1).orphan().but(func(b *Binding) { b.Journaled = true }).through("lost", noConnection),
				binding("b").claimed(2).deleting(), holds(w1, member)),
			effects: is{"ReadForWrite acme", "MayRevoke acme w1", "Post acme w1: remove WORKSPACE_MEMBER", "Report", "Clear a"},
			states:  so{"a": "unchanged, released", "b": "unchanged, released, revoked"}, holds: at{w1: ""},
		},
		"OrphanWaits": {
			reason:  "Until then its entry stays in the journal, although the last status that was seen says Held.",
			parts:   of(binding("a").claimed(1).orphan().but(func(b *Binding) { b.Journaled = true }), holds(w1, member)),
			drive:   func(w *driver) { w.limit = map[roleset.Target]bool{w1: true} },
			effects: is{"ReadForWrite acme", "MayRevoke acme w1", "Report"},
		},
		"Uncertain": {
			reason:  "Whether a lost write arrives shows in a while: another look is asked for.",
			parts:   of(binding("a").recovered(now.Add(-4 * time.Second)).deleting()),
			effects: is{"Read acme", "Report"},
			states:  so{"a": "False/Revoking"}, also: looksAgain(6 * time.Second),
		},
		"RecoveredAndSuspended": {
			reason:  "A claim that nobody saw Astro bear out is not told as held: the journal keeps it.",
			parts:   of(binding("a").recovered(now).suspended(), readByID),
			effects: is{"Report"}, states: so{"a": "False/Suspended"},
		},
		"Rebind": {
			reason:  "Who goes over to a token that was made again leaves the claim and keeps the finalizer for the next.",
			parts:   of(confirmed("t2", "t2")),
			effects: is{"Report"},
			states:  so{"a": "False/TokenReplaced Released "},
			also: func(t *testing.T, w *driver) {
				differ(t, "The pin on the old token goes with it.", "token id", "", w.statements["uid-a"].Status.Token.ID)
			},
		},
	}.check(t)
}

func TestChallenge(t *testing.T) {
	disagree := of(binding("a").claimed(1), binding("b").role(owner).through("other"), holds(w1, member))
	sequences{
		"Writer": {
			reason: "A credential whose claim decides over another's is challenged once; one that may write keeps the say.",
			parts:  disagree, effects: is{"ReadForWrite acme", "Post acme as it is", "Report"},
			states: so{"a": "True/Granted Held Created", "b": "False/ConflictingBinding"},
		},
		"NoWriter": {
			reason: "One that may not loses it, and the other's role is written.",
			parts:  disagree,
			drive: func(w *driver) {
				w.refuse = func(_ []astro.Role) error {
					if len(w.posts) == 1 {
						return errForbidden
					}
					return nil
				}
			},
			effects: is{
				"ReadForWrite acme", "Post acme as it is", "AddFinalizers b", "WriteJournal b",
				"ReadForWrite other", "Post other w1: change WORKSPACE_MEMBER to WORKSPACE_OWNER", "Report", "Clear b",
			},
			holds: at{w1: owner},
		},
		"Doubt": {
			reason: "Doubt keeps the say.",
			parts:  disagree, drive: func(w *driver) { w.answer = func(int) error { return errLost } },
			effects: is{"ReadForWrite acme", "Post acme as it is", "Report"},
			holds:   at{w1: member},
		},
		"RefusedSet": {
			reason: "Astro refuses the set, which holds a dead role, and not the credential: that keeps the say, and its bindings are told nothing.",
			parts:  append(of(binding("watching").on(d1).observing()), disagree...),
			drive:  func(w *driver) { w.refuse = func([]astro.Role) error { return errInvalid } }, effects: is{"ReadForWrite acme", "Post acme as it is", "Report"},
			states: so{"a": "True/Granted Held Created", "b": "False/ConflictingBinding", "watching": "True/WouldChange"},
			holds:  at{w1: member},
			also: func(t *testing.T, w *driver) {
				rests := drive(t, w.next(time.Minute))
				differ(t, "It is not challenged at each look.", "effects", []string{"Report"}, rests.effects)
				w = drive(t, w.next(5*time.Minute), func(w *driver) {
					w.refuse = func(_ []astro.Role) error {
						if len(w.posts) == 1 {
							return errForbidden
						}
						return nil
					}
				})
				differ(t, "It is challenged again, and may lose the say then.", "role", owner, w.on(w1))
			},
		},
		"OneCredential": {
			reason:  "Two connections that share a credential need no challenge.",
			parts:   of(binding("a").claimed(1).seen().holding(1, v1alpha1.OriginCreated, ""), binding("b").role(owner).through("other", func(c *Connection) { c.Credential = "credential of acme" }), holds(w1, member)),
			effects: is{"Read other", "Report"},
		},
	}.check(t)
}

// writers remembers that one connection's credential may not write the token, and that another's may.
func writers(not, may string) part {
	return remembered(func(m Memory) Memory { return m.writer("credential of "+not, false).writer("credential of "+may, true) })
}
