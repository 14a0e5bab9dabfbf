package decision

import (
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

func TestNeedsRoles(t *testing.T) {
	change := func(target roleset.Target, to string) Change {
		return Change{Change: roleset.Change{Target: target, To: to}}
	}
	cases := map[string]struct {
		reason string
		change Change
		want   bool
	}{
		"Custom":    {"The custom roles may tell.", change(d1, deployer), true},
		"BuiltIn":   {"A built-in role is not among them.", change(d1, admin), false},
		"Removal":   {"A removal names none.", change(d1, ""), false},
		"Workspace": {"A Workspace has no custom roles.", change(w1, "X"), false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			differ(t, c.reason, "needs roles", c.want, Progress{}.NeedsRoles(Diagnose{Changes: []Change{c.change}}))
		})
	}
	s := situation(binding("a"), binding("held").on(d1).role(deployer).claimed(1), holds(d1, deployer))
	p := Progress{Situation: s, Decision: Decide(s)}
	for dangling, want := range map[bool]bool{true: true, false: false} {
		got := p.NeedsRoles(Diagnose{Changes: []Change{change(w1, member)}, Dangling: dangling})
		differ(t, "A custom role that was declared may be one that Astro knows no more.", "needs roles", want, got)
	}
}

func TestUnknownRoles(t *testing.T) {
	gone := func() *bindingBuilder { return binding("a").on(d1).role("Gone").claimed(1) }
	cases := map[string]struct {
		reason string
		parts  []part
		want   int
	}{
		"Wanted":     {"A declared role that is not listed any more is unknown.", of(gone(), holds(d1, "Gone")), 1},
		"Listed":     {"One that is listed is not.", of(binding("a").on(d1).role(deployer).claimed(1), holds(d1, deployer)), 0},
		"BuiltIn":    {"Nor is one that is in no list.", of(binding("a").on(d1).claimed(1), holds(d1, admin)), 0},
		"OnHold":     {"One that is on hold would not be given again, should the list have left it out.", of(gone().suspended(), holds(d1, "Gone")), 0},
		"Undeclared": {"What nobody declared is not the operator's.", of(holds(d1, "Gone")), 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := situation(c.parts...)
			got := Progress{Situation: s, Decision: Decide(s)}.Unknown([]astro.CustomRole{{Name: deployer}})
			differ(t, c.reason, "unknown roles", c.want, len(got))
		})
	}
}

func TestUnlistedRoles(t *testing.T) {
	gone := func() *bindingBuilder { return binding("a").on(d1).role("Gone").claimed(1) }
	held := holds(d1, "Gone")
	cases := map[string]struct {
		reason        string
		parts         []part
		foreign, kept int
	}{
		"Undeclared": {"What nobody declared is told from what stays for a binding.", of(held), 1, 0},
		"OnHold":     {"A binding on hold keeps its role.", of(gone().suspended(), held), 0, 1},
		"Wanted":     {"One that is given again is left out of the set instead.", of(gone(), held), 0, 0},
		"Leaving":    {"One that leaves is in no later set.", of(gone().deleting(), held), 0, 0},
		"Listed":     {"One that is listed is not the cause.", of(holds(d1, deployer)), 0, 0},
		"BuiltIn":    {"Nor is one of Astro's own.", of(holds(d1, admin)), 0, 0},
		"NewBuiltIn": {"One that looks like Astro's own may be new.", of(holds(d1, "DEPLOYMENT_VIEWER")), 0, 0},
		"Workspace":  {"A Workspace has no custom roles.", of(holds(w1, "Gone")), 0, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := situation(c.parts...)
			foreign, kept := Progress{Situation: s, Decision: Decide(s)}.Unlisted([]astro.CustomRole{{Name: deployer}})
			differ(t, c.reason, "foreign", c.foreign, len(foreign))
			differ(t, c.reason, "kept", c.kept, len(kept))
		})
	}
}

func TestMismatchedRoles(t *testing.T) {
	moved := func() *bindingBuilder { return ofWorkspace(binding("a").on(d3).claimed(1), "") }
	cases := map[string]struct {
		reason  string
		binding *bindingBuilder
		want    bool
	}{
		"Told":   {"A binding that says that the token does not fit loses the role that Astro refuses.", moved(), true},
		"OnHold": {"One that is on hold for another reason keeps it.", moved().suspended(), false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := situation(c.binding, workspaceToken(w1), holds(d3, admin))
			got := Progress{Situation: s, Decision: Decide(s)}.Mismatched(astro.NewRole(d3.Kind, d3.ID, admin))
			differ(t, c.reason, "mismatched", c.want, got)
		})
	}
}
