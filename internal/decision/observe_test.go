package decision

import (
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// observes puts a connection into mode Observe.
func observes(c *Connection) { c.Object.ConnectionSpec().Mode = v1alpha1.ModeObserve }

// observed is the binding through a connection that observes.
func (x *bindingBuilder) observed(edits ...func(*Connection)) *bindingBuilder {
	return x.through("acme", append(edits, observes)...)
}

// TestConnectionThatObserves: nothing is written through it, nothing that is held is lost, and each binding says what would
// happen.
func TestConnectionThatObserves(t *testing.T) {
	plans := func(want string) func(*testing.T, *driver) {
		return func(t *testing.T, w *driver) {
			t.Helper()
			differ(t, "what is planned", "plan", want, w.statements["uid-a"].Status.PlannedChange)
		}
	}
	sequences{
		"New": {
			reason: "A binding that holds nothing takes no claim.", parts: of(binding("a").observed()),
			effects: is{"Read acme", "Report"}, states: so{"a": "True/WouldChange"}, holds: at{w1: ""}, also: plans("add WORKSPACE_MEMBER"),
		},
		"InSync": {
			reason: "Not even of what is there.", parts: of(binding("a").observed(), holds(w1, member)),
			effects: is{"Read acme", "Report"}, states: so{"a": "True/InSync"}, also: plans(""),
		},
		"Drifted": {
			reason: "What somebody else has changed stays changed.", parts: of(binding("a").claimed(1).observed(), holds(w1, owner)),
			effects: is{"Report"}, states: so{"a": "True/WouldChange Held Created"}, holds: at{w1: owner}, also: plans("change WORKSPACE_OWNER to WORKSPACE_MEMBER"),
		},
		"Held": {
			reason: "What is in sync says what it said.", parts: of(binding("a").claimed(1).observed(), holds(w1, member)),
			effects: is{"Report"}, states: so{"a": "True/Granted Held Created"}, also: plans(""),
		},
		"Edited": {
			reason: "An edited role is not written.", parts: of(binding("a").claimed(1).role(owner).edited().observed(), holds(w1, member)),
			effects: is{"Read acme", "Report"}, states: so{"a": "True/WouldChange Held Created"}, holds: at{w1: member}, also: plans("change WORKSPACE_MEMBER to WORKSPACE_OWNER"),
		},
		"Deleted": {
			reason: "A binding that is deleted waits with its claim.", parts: of(binding("a").claimed(1).deleting().observed(), holds(w1, member)),
			effects: is{"Read acme", "Report"}, states: so{"a": "False/WouldChange Held Created"}, holds: at{w1: member}, also: plans("remove WORKSPACE_MEMBER"),
		},
		"DeletedAndGone": {
			reason: "Unless there is nothing to revoke.", parts: of(binding("a").claimed(1).deleting().observed()),
			effects: is{"Read acme", "Report"}, states: so{"a": "unchanged, released"},
		},
		"DeletedAndRetained": {
			reason: "Or its role is to stay.", parts: of(binding("a").claimed(1).deleting().edit(inherits).observed(keeps), holds(w1, member)),
			effects: is{"Report"}, states: so{"a": "unchanged, released"}, holds: at{w1: member},
		},
		"DeletedAndHeldByAnother": {
			reason:  "Or another binding holds the role.",
			parts:   of(binding("a").claimed(1).deleting().observed(), binding("b").claimed(2).observed(), holds(w1, member)),
			effects: is{"Read acme", "Report", "Report"}, states: so{"a": "unchanged, released, kept", "b": "True/Granted Held Created"}, holds: at{w1: member},
		},
		"DeletedBeforeAnother": {
			reason:  "One that holds nothing yet is no heir while it only looks.",
			parts:   of(binding("a").claimed(1).deleting().observed(), binding("b").observed(), holds(w1, member)),
			effects: is{"Read acme", "Report", "Report"}, states: so{"a": "False/WouldChange Held Created, kept", "b": "True/InSync"}, holds: at{w1: member},
		},
		"Orphan": {
			reason: "Nor is one that is gone forgotten.", parts: of(binding("a").claimed(1).orphan().observed(), holds(w1, member)),
			effects: is{"Read acme", "Report"}, states: so{"a": "unchanged"}, holds: at{w1: member}, also: looksAgain(time.Minute),
		},
		"Withdrawn": {
			reason: "A role that the rules withdraw stays.", parts: of(binding("a").claimed(1).observed(onlyRole("other"), withdrawing), holds(w1, member)),
			effects: is{"Read acme", "Report"}, states: so{"a": "False/RoleNotAllowed Held Created"}, holds: at{w1: member}, also: plans("remove WORKSPACE_MEMBER"),
		},
		"Conflict": {
			reason:  "Of two bindings that would be in conflict, the one that would lose says so.",
			parts:   of(binding("a").observed(), binding("b").role(owner).made(2).observed()),
			effects: is{"Read acme", "Report"}, states: so{"a": "True/WouldChange", "b": "False/ConflictingBinding"},
		},
		"OwnMode": {
			reason: "Its own mode Observe gives up what it holds, whatever the connection's.", parts: of(binding("a").claimed(1).observing().edited().observed(), holds(w1, member)),
			effects: is{"Read acme", "Report"}, states: so{"a": "True/InSync Released , released"}, holds: at{w1: member},
		},
		"Challenge": {
			reason:  "No credential has to show what it may through a connection that observes.",
			parts:   of(binding("a").claimed(1).observed(), binding("b").role(owner).claimed(2).through("other"), holds(w1, member)),
			effects: is{"Report"}, states: so{"a": "True/Granted Held Created", "b": "False/ConflictingBinding Held Created"}, holds: at{w1: member},
		},
		"OthersGoOn": {
			reason:  "Through another connection the token is written as ever, without what only looks.",
			parts:   of(binding("a").observed(), binding("b").role(owner).made(2).through("other")),
			effects: is{"AddFinalizers b", "WriteJournal b", "ReadForWrite other", "Post other w1: add WORKSPACE_OWNER", "Report", "Clear b"},
			states:  so{"a": "False/ConflictingBinding", "b": "True/Granted Held Created, changed"}, holds: at{w1: owner},
		},
		"SwitchedMeanwhile": {
			reason: "What was waited for is not written any more, and nothing is left in the journal.",
			parts:  of(binding("a")),
			drive: func(w *driver) {
				w.look = func(Situation) []Binding { return []Binding{binding("a").finalized().observed().b} }
			},
			effects: is{"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Withdraw a", "Report"},
			states:  so{"a": "True/WouldChange"}, holds: at{w1: ""}, also: journalHolds(0),
		},
		"Recovered": {
			reason:  "What a write before the switch may have given is taken up once it shows.",
			parts:   of(binding("a").recovered(now).observed(), holds(w1, member)),
			effects: is{"Read acme", "Report", "Clear a"}, states: so{"a": "True/Granted Held Created"},
		},
		"RecoveredUnseen": {
			reason: "And is remembered until then.", parts: of(binding("a").recovered(now).observed()),
			effects: is{"Read acme", "Report"}, states: so{"a": "True/WouldChange"}, holds: at{w1: ""}, also: looksAgain(settleTime),
		},
		"RecoveredForNothing": {
			reason:  "But not once it cannot show any more: it keeps nobody from the place.",
			parts:   of(binding("a").recovered(now.Add(-time.Hour)).observed(), readByID),
			effects: is{"Withdraw a", "Report"}, states: so{"a": "True/WouldChange"}, holds: at{w1: ""}, also: journalHolds(0),
		},
	}.check(t)
}

// inherits takes the deletion policy out of a spec.
func inherits(b *v1alpha1.ScopedTokenBinding) { b.Spec.DeletionPolicy = "" }

// keeps makes Retain the deletion policy of a connection.
func keeps(c *Connection) { c.Object.ConnectionSpec().DeletionPolicy = v1alpha1.DeletionRetain }

func TestDeletionPolicyOfTheConnection(t *testing.T) {
	none := func(c *Connection) { c.Object = nil }
	told := func(p v1alpha1.DeletionPolicy) func(*v1alpha1.ScopedTokenBinding) {
		return func(b *v1alpha1.ScopedTokenBinding) { b.Status.DeletionPolicy = p }
	}
	leaving := func() *bindingBuilder { return binding("a").claimed(1).deleting() }
	cases := map[string]struct {
		reason  string
		binding *bindingBuilder
		want    string
	}{
		"Own":              {"What the binding says goes before.", leaving().through("acme", keeps), "Leave"},
		"Inherited":        {"Where it says nothing, the connection does.", leaving().edit(inherits).through("acme", keeps), "None, release"},
		"Neither":          {"Where that says nothing either, the role goes.", leaving().edit(inherits), "Leave"},
		"Changed":          {"The connection counts as it is now.", leaving().edit(inherits).edit(told(v1alpha1.DeletionRetain)).through("acme", revokes), "Leave"},
		"Vanished":         {"If it is gone, what was told last counts.", leaving().edit(inherits).edit(told(v1alpha1.DeletionRetain)).through("acme", none), "None, release"},
		"VanishedRevoking": {"Whichever it was.", leaving().edit(inherits).edit(told(v1alpha1.DeletionRevoke)).through("acme", none), "Hold ConnectionNotFound"},
		"NeverTold":        {"What nobody knows is not forgotten.", leaving().edit(inherits).through("acme", none), "Hold ConnectionNotFound"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			differ(t, c.reason, "ruling", c.want, ruled(Decide(situation(c.binding, holds(w1, member)))))
		})
	}
}

func revokes(c *Connection) { c.Object.ConnectionSpec().DeletionPolicy = v1alpha1.DeletionRevoke }

// TestDeletionPolicyIsKept: the status says what holds, and the journal has it while the status does not tell.
func TestDeletionPolicyIsKept(t *testing.T) {
	w := drive(t, situation(binding("a").edit(inherits).through("acme", keeps)))
	differ(t, "The status says what the connection does.", "policy", v1alpha1.DeletionRetain, w.statements["uid-a"].Status.DeletionPolicy)
	if !w.progress.Situation.Pending["uid-a"].Retain {
		t.Error("the journal does not say that the role is to stay")
	}
	gone := binding("a").edit(inherits).claimed(1).edit(func(b *v1alpha1.ScopedTokenBinding) { b.Status.DeletionPolicy = v1alpha1.DeletionRetain }).
		suspended().edited().through("acme", func(c *Connection) { c.Object = nil })
	w = drive(t, situation(gone, holds(w1, member)))
	differ(t, "It stays where the connection is gone.", "policy", v1alpha1.DeletionRetain, w.statements["uid-a"].Status.DeletionPolicy)
}

// TestWithheldPlansLikeEnforce: a connection that observes says of every binding what one that enforces would do.
func TestWithheldPlansLikeEnforce(t *testing.T) {
	for name, parts := range map[string]func(edits ...func(*Connection)) []part{
		"Add":    func(e ...func(*Connection)) []part { return of(binding("a").through("acme", e...)) },
		"Update": func(e ...func(*Connection)) []part { return of(binding("a").through("acme", e...), holds(w1, owner)) },
		"Remove": func(e ...func(*Connection)) []part {
			return of(binding("a").claimed(1).deleting().through("acme", e...), holds(w1, member))
		},
		"Two": func(e ...func(*Connection)) []part {
			return of(binding("a").through("acme", e...), binding("b").on(d1).claimed(1).role(deployer).edited().through("acme", e...), holds(d1, admin))
		},
	} {
		t.Run(name, func(t *testing.T) {
			enforced, observed := Decide(situation(parts()...)), Decide(situation(parts(observes)...))
			verdicts := func(d Decision) (all []roleset.Verdict) {
				for _, r := range d.Rulings {
					all = append(all, r.Verdict)
				}
				return all
			}
			differ(t, "what is said is what would be done", "verdicts", verdicts(enforced), verdicts(observed))
			if len(enforced.Changes) == 0 || len(observed.Changes) > 0 || len(observed.Take) > 0 {
				t.Errorf("enforced: %v, observed: %v, taken: %v", enforced.Changes, observed.Changes, observed.Take)
			}
		})
	}
}
