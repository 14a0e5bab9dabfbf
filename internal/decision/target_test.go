package decision

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// again is the Deployment that has the name of d1 once that is gone.
var again = astro.Target{Kind: astro.EntityDeployment, ID: "d9", Name: "name of d1", WorkspaceID: "w1"}

// twin is another that has it as well.
var twin = astro.Target{Kind: astro.EntityDeployment, ID: "d8", Name: "name of d1", WorkspaceID: "w1"}

// inW1 narrows the rule of a connection to the Workspace w1.
var inW1 = allowing(func(r *v1alpha1.AllowRule) { r.Targets = []v1alpha1.TargetRule{{WorkspaceIDs: []string{"w1"}}} })

func movedTo(workspace string) astro.Target {
	t := shown(d1)
	t.WorkspaceID = workspace
	return t
}

// replacedBy says that the target is not found, and which others have its name.
func (x *bindingBuilder) replacedBy(others ...astro.Target) *bindingBuilder {
	return x.but(func(b *Binding) { b.Target = TargetFinding{Looked: true, Named: others} })
}

func TestJudgeOfTargetsThatChange(t *testing.T) {
	withdraw := spec(func(s *v1alpha1.ConnectionSpec) { s.OnWithdrawal = v1alpha1.WithdrawalRevoke })
	confirmed := func(x *bindingBuilder, id string) *bindingBuilder {
		return x.annotated(v1alpha1.AnnotationConfirmTarget, id)
	}
	held := func() *bindingBuilder { return binding("a").on(d1).claimed(1) }
	named := func() *bindingBuilder { return held().targetNamed() }
	rulings{
		"MovedWhereItIsAllowed": {
			reason: "A target that has moved to where the rules allow it is wanted as before.",
			parts:  of(named().found(movedTo("w2")), holds(d1, admin)), want: "Want",
		},
		"MovedWhereItIsNot": {
			reason: "Where they do not, it is neither written nor removed, whatever the status says of where it is.",
			parts:  of(named().found(movedTo("w2")).through("acme", inW1), holds(d1, admin)), want: "Hold TargetNotAllowed, withdrawn",
		},
		"MovedAndWithdrawn": {
			reason: "Where the connection says so, it is taken away.",
			parts:  of(held().found(movedTo("w2")).through("acme", inW1, withdraw), holds(d1, admin)), want: "Leave TargetNotAllowed, withdrawn",
		},
		"MovedAndAdopted": {
			reason: "But not what was there before.",
			parts:  of(binding("a").on(d1).adopted(1).found(movedTo("w2")).through("acme", inW1, withdraw), holds(d1, admin)),
			want:   "Hold TargetNotAllowed, withdrawn",
		},
		"AsSeenLast": {
			reason: "Where nobody has looked, it is where the status says.",
			parts:  of(held().but(func(b *Binding) { b.Target = TargetFinding{} }).through("acme", inW1), holds(d1, admin)), want: "Want",
		},
		"Narrowed": {
			reason: "What is declared by its id in a Workspace that it has left is not what was declared.",
			parts: of(held().edit(func(o *v1alpha1.ScopedTokenBinding) { o.Spec.Target.WorkspaceID = "w1" }).found(movedTo("w2")),
				holds(d1, admin)),
			want: "Hold TargetNotFound",
		},
		"NarrowedAndNotAllowed": {
			reason: "The rules are asked about where it is, and not about what the user says of it.",
			parts: of(binding("a").on(d1).edit(func(o *v1alpha1.ScopedTokenBinding) { o.Spec.Target.WorkspaceID = "w1" }).
				found(movedTo("w2")).through("acme", inW1), holds(d1, admin)),
			want: "None TargetNotAllowed",
		},
		"Gone": {
			reason: "A target that is gone is told, although the token still has its role there.",
			parts:  of(named().replacedBy(), holds(d1, admin)), want: "Hold TargetNotFound",
		},
		"Replaced": {
			reason: "Another of its name is not taken unasked.",
			parts:  of(named().replacedBy(again), holds(d1, admin)), want: "Hold TargetReplaced",
		},
		"ReplacedByTwo": {
			reason: "Nor is one of several.",
			parts:  of(confirmed(named(), "d9").replacedBy(again, twin), holds(d1, admin)), want: "Hold TargetReplaced",
		},
		"ReplacedByOneThatIsNotAllowed": {
			reason: "One that the rules do not allow is not told of.",
			parts: of(confirmed(named(), "d9").replacedBy(again).through("acme", allowing(func(r *v1alpha1.AllowRule) {
				r.Targets = []v1alpha1.TargetRule{{DeploymentIDs: []string{"d1"}}}
			})), holds(d1, admin)),
			want: "Hold TargetNotFound",
		},
		"Confirmed": {
			reason: "Once the user has confirmed it, the old one is left first.",
			parts:  of(confirmed(named(), "d9").replacedBy(again), holds(d1, admin)), want: "Leave TargetReplaced",
		},
		"ConfirmedAnother": {
			reason: "The confirmation of another id counts for nothing.",
			parts:  of(confirmed(named(), "d8").replacedBy(again), holds(d1, admin)), want: "Hold TargetReplaced",
		},
		"ConfirmedAndSuspended": {
			reason: "While it is suspended nothing is left.",
			parts:  of(confirmed(named(), "d9").replacedBy(again).suspended(), holds(d1, admin)), want: "Hold Suspended",
		},
		"ConfirmedAndObserving": {
			reason: "What only observes leaves nothing.",
			parts:  of(confirmed(named(), "d9").replacedBy(again).observing(), holds(d1, admin)), want: "None TargetReplaced",
		},
	}.check(t)
}

// TestATargetThatIsNobodysBusiness: whether another target has the name that the rules do not allow, the binding is told the same.
func TestATargetThatIsNobodysBusiness(t *testing.T) {
	only := allowing(func(r *v1alpha1.AllowRule) { r.Targets = []v1alpha1.TargetRule{{DeploymentIDs: []string{"d1"}}} })
	told := func(others ...astro.Target) string {
		w := drive(t, situation(binding("a").on(d1).claimed(1).targetNamed().replacedBy(others...).through("acme", only), holds(d1, admin)))
		return meta.FindStatusCondition(w.status("a").Conditions, v1alpha1.ConditionReady).Message
	}
	gone := told()
	differ(t, "One has it.", "message", gone, told(again))
	if !strings.Contains(gone, "it was "+d1.ID) {
		t.Errorf("what it was is not said: %s", gone)
	}
}

func TestConfirmedTarget(t *testing.T) {
	confirmed := func() *bindingBuilder {
		return binding("a").on(d1).claimed(1).targetNamed().replacedBy(again).annotated(v1alpha1.AnnotationConfirmTarget, "d9")
	}
	unpinned := func(t *testing.T, w *driver) {
		t.Helper()
		if got := w.status("a").Target; got.ID != "" || got.WorkspaceID != "" || got.Name != "name of d1" {
			t.Errorf("the target is looked for by its name next, and not by what was pinned: %+v", got)
		}
		if w.status("a").Token.ID != token1 {
			t.Error("the token stays the same")
		}
	}
	sequences{
		"Left": {
			reason: "The role on the old target is taken away, the claim is released, and the finalizer stays for the next.",
			parts:  of(confirmed(), holds(d1, admin)),
			effects: is{
				"ReadForWrite acme", "MayRevoke acme d1", "Post acme d1: remove DEPLOYMENT_ADMIN", "Report",
			},
			states: so{"a": "False/TargetReplaced Released , revoked"}, holds: at{d1: ""}, also: unpinned,
		},
		"GoneAlready": {
			reason:  "Where the role went with the target, nothing is written to Astro.",
			parts:   of(confirmed()),
			effects: is{"Read acme", "Report"},
			states:  so{"a": "False/TargetReplaced Released "}, also: unpinned,
		},
		"Observed": {
			reason:  "What only observed forgets what it had found.",
			parts:   of(confirmed().but(func(b *Binding) { b.Claim, b.Object.Status.Claim = nil, nil }).observing(), holds(d1, admin)),
			effects: is{"Report"},
			states:  so{"a": "False/TargetReplaced"}, holds: at{d1: admin}, also: unpinned,
		},
	}.check(t)
}

func TestWhereTheTargetIsIsTold(t *testing.T) {
	w := drive(t, situation(binding("a").on(d1).claimed(1).found(movedTo("w2")).through("acme", inW1), holds(d1, admin)))
	if got := w.status("a").Target.WorkspaceID; got != "w2" {
		t.Errorf("the status says where the Deployment is now, got %q", got)
	}
	w = drive(t, situation(binding("a").on(d1).found(movedTo("w2")).through("acme", inW1), holds(d1, admin)))
	if got := w.status("a").Target; got.WorkspaceID != "" || got.ID != "" {
		t.Errorf("where a Deployment is that the rules never allowed is nobody's to know, got %+v", got)
	}
}

func TestRestoringLooksAtTheTarget(t *testing.T) {
	cases := map[string]struct {
		reason string
		parts  []part
		want   bool
	}{
		"InSync":       {"While Astro holds the role, what a sweep has seen is enough.", of(binding("a").on(d1).claimed(1), holds(d1, admin)), false},
		"Drifted":      {"Before a role is restored one looks where the target is.", of(binding("a").on(d1).claimed(1)), true},
		"Changed":      {"Or changed back.", of(binding("a").on(d1).claimed(1), holds(d1, deployer)), true},
		"New":          {"Or given.", of(binding("a").on(d1)), true},
		"NotAddressed": {"A namespace to which no rule speaks costs nothing.", of(binding("a").on(d1).through("acme", allowing(func(r *v1alpha1.AllowRule) { r.Namespaces.Names = []string{"other"} }))), false},
		"Deleting":     {"Nor does the deletion of what the operator gave.", of(binding("a").on(d1).claimed(1).deleting()), false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := situation(c.parts...)
			differ(t, c.reason, "needs its target", c.want, s.NeedsTarget(&s.Bindings[0]))
		})
	}
}

func TestTargetReplacedTells(t *testing.T) {
	_, f := binding("a").on(d1).claimed(1).targetNamed().replacedBy(again).b.target()
	for _, words := range []string{"id d1", "id d9", v1alpha1.AnnotationConfirmTarget, `Deployment "name of d1"`} {
		if !strings.Contains(f.Message, words) {
			t.Errorf("%q does not say %s", f.Message, words)
		}
	}
	if entry := binding("a").on(d1).claimed(1).targetNamed().replacedBy(again).b.entry(nil); entry != (roleset.Target{Kind: d1.Kind, ID: "d1"}) {
		t.Errorf("until then the binding is that of the old target, got %+v", entry)
	}
}

// Of several targets that have the name of the one that is gone, those are told that the rules allow, and none is taken.
func TestTargetReplacedBySeveral(t *testing.T) {
	only := func(ids ...string) func(*Connection) {
		return allowing(func(r *v1alpha1.AllowRule) { r.Targets = []v1alpha1.TargetRule{{DeploymentIDs: append(ids, "d1")}} })
	}
	for name, c := range map[string]struct {
		reason     string
		connection func(*Connection)
		state      string
		says       string
	}{
		"All":  {"All that are allowed are told.", only("d7", "d8", "d9"), "False/TargetReplaced", "has its name: d7, d8, d9; recreate the binding with one of these ids as spec.target.id"},
		"Some": {"Of the others nothing is told.", only("d7", "d8"), "False/TargetReplaced", "has its name: d7, d8; recreate"},
		"One":  {"Whether there are others does not show.", only("d7"), "False/TargetNotFound", "does not show"},
	} {
		t.Run(name, func(t *testing.T) {
			third := again
			third.ID = "d7"
			a := binding("a").on(d1).claimed(1).targetNamed().replacedBy(again, twin, third)
			a = a.through("acme", c.connection).annotated(v1alpha1.AnnotationConfirmTarget, "d7")
			w := drive(t, situation(a, holds(d1, admin)))
			differ(t, c.reason, "state", c.state+" Held Created", w.state("a"))
			if m := w.message("a"); !strings.Contains(m, c.says) {
				t.Errorf("%s\nwant %q in %q", c.reason, c.says, m)
			}
		})
	}
}

func TestATargetOfAnotherOrganizationIsNoPin(t *testing.T) {
	pinned := func(edits ...func(*v1alpha1.ScopedTokenBinding)) *bindingBuilder {
		b := binding("a").targetNamed().seen()
		b.b.Object.Status.Token, b.b.Object.Status.OrganizationID = v1alpha1.BoundToken{}, "other"
		b.b.Object.Status.Target = v1alpha1.BoundTarget{Kind: v1alpha1.TargetWorkspace, ID: "w9", Name: "data"}
		for _, edit := range edits {
			b.edit(edit)
		}
		return b
	}
	for name, c := range map[string]struct {
		reason string
		of     *bindingBuilder
		want   string
	}{
		"Elsewhere": {"The connection was made again for another Organization.", pinned(), ""},
		"Here":      {"Of this one it is.", pinned(func(b *v1alpha1.ScopedTokenBinding) { b.Status.OrganizationID = org }), "w9"},
		"WithToken": {"With a token of the other it stands against the binding.", pinned(func(b *v1alpha1.ScopedTokenBinding) { b.Status.Token.ID = "t9" }), "w9"},
		"ByID":      {"An id is the user's.", pinned(func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Target.ID = "w8" }), "w8"},
		"Unknown":   {"Of a connection that was not looked at nobody knows.", pinned().but(func(b *Binding) { b.Connection.Organization = "" }), "w9"},
	} {
		differ(t, name+": "+c.reason, "target", c.want, c.of.b.targetID(nil))
	}
	w := drive(t, situation(pinned().found()))
	differ(t, "Where the name is not found yet, the other target is forgotten.", "target", v1alpha1.BoundTarget{Kind: v1alpha1.TargetWorkspace, Name: "name of w1"}, w.status("a").Target)
}
