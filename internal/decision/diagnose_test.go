package decision

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

func TestDiagnosis(t *testing.T) {
	known := func(roles ...astro.CustomRole) Findings { return Findings{RolesKnown: true, Roles: roles} }
	missing := Findings{Missing: map[roleset.Target]bool{d1: true, w1: true}}
	custom := func() *bindingBuilder { return binding("a").on(d1).role(deployer) }
	gone := []astro.Role{astro.NewRole(d3.Kind, d3.ID, "gone")}
	retired, unlisted := Findings{Retired: gone}, Findings{Unlisted: gone}
	parent := holds(w1, member)
	cases := map[string]struct {
		reason  string
		binding *bindingBuilder
		parts   []part
		err     error
		found   Findings
		want    string // reason of Ready, then a piece of its message
	}{
		"NoSuchRole":    {"A role that Astro does not know is named.", custom(), of(parent), errInvalid, known(), `RoleNotFound knows no role "Deploy Only"`},
		"RoleExists":    {"One that it knows is not the cause.", custom(), of(parent), errInvalid, known(astro.CustomRole{Name: deployer}), "RefusedByAstro add Deploy Only"},
		"RoleElsewhere": {"One of other Workspaces only is named.", custom(), of(parent), errInvalid, known(astro.CustomRole{Name: deployer, WorkspaceIDs: []string{"w2"}}), "RefusedByAstro may be given only in the Workspaces w2"},
		"RoleHidden": {
			"Where it may be given is told as far as the rules let the binding give it there.",
			custom().through("acme", allowing(func(r *v1alpha1.AllowRule) { r.Targets = []v1alpha1.TargetRule{{WorkspaceIDs: []string{"w1"}}} })),
			of(parent), errInvalid, known(astro.CustomRole{Name: deployer, WorkspaceIDs: []string{"w2"}}), "RefusedByAstro may be given only in other Workspaces",
		},
		"RoleHere":        {"One of this Workspace is not.", custom(), of(parent), errInvalid, known(astro.CustomRole{Name: deployer, WorkspaceIDs: []string{"w2", "w1"}}), "RefusedByAstro add Deploy Only"},
		"RolesUnknown":    {"Roles that could not be looked up say nothing.", custom(), of(parent), errInvalid, Findings{}, "RefusedByAstro add Deploy Only"},
		"BuiltIn":         {"A built-in role is in no list.", binding("a").on(d1), of(parent), errInvalid, known(), "RefusedByAstro add DEPLOYMENT_ADMIN"},
		"TargetMissing":   {"A target that is gone is named.", binding("a").on(d1), of(parent), errInvalid, missing, "TargetNotFound no longer shows"},
		"ParentMissing":   {"A Deployment may want a role on its Workspace first.", binding("a").on(d1), nil, errInvalid, Findings{}, "ParentRoleMissing Workspace w1"},
		"ParentForbidden": {"Also where Astro forbids it.", binding("a").on(d1), nil, errForbidden, Findings{}, "ParentRoleMissing Workspace w1"},
		"Retired":         {"An undeclared role that Astro knows no more goes before that.", binding("a").on(d1), of(holds(d3, "gone")), errInvalid, retired, "RefusedByAstro custom role is gone, or whose Deployment was moved away: 1 on targets"},
		"Unlisted":        {"So does one on hold, which may not be named here.", binding("a").on(d1), of(holds(d3, "gone")), errInvalid, unlisted, "RefusedByAstro because of which Astro may refuse every change"},
		"Forbidden":       {"Else the credential may not.", binding("a").on(d1), of(parent), errForbidden, Findings{}, "PermissionDenied give the connection's API token"},
		"Workspace":       {"A Workspace has no parent.", binding("a"), nil, errInvalid, Findings{}, "RefusedByAstro add WORKSPACE_MEMBER"},
		"Removal":         {"A refused removal says what Astro says.", binding("a").on(d1).claimed(1).deleting(), of(holds(d1, admin)), errInvalid, missing, "RefusedByAstro remove DEPLOYMENT_ADMIN"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := drive(t, situation(append(c.parts, c.binding)...), func(w *driver) {
				w.finding, w.refuse = c.found, func([]astro.Role) error { return c.err }
			})
			reason, words, _ := strings.Cut(c.want, " ")
			if state := w.state("a"); !strings.HasPrefix(state, "False/"+reason) || !strings.Contains(w.message("a"), words) {
				t.Errorf("%s\nwant %s, got %s: %s", c.reason, c.want, state, w.message("a"))
			}
			if !strings.Contains(w.message("a"), "(request r1)") {
				t.Errorf("Astro's request id is part of the message, got %s", w.message("a"))
			}
			if errors.Is(c.err, errForbidden) && strings.Contains(strings.Join(w.effects, " "), "Diagnose") {
				t.Errorf("what is forbidden needs no looking: %v", w.effects)
			}
		})
	}
}

func TestDanglingRoles(t *testing.T) {
	dead := astro.NewRole(d3.Kind, d3.ID, "dead")
	dangling := func(w *driver) {
		refuses(errInvalid, "dead")(w)
		w.finding = Findings{Dead: []astro.Role{dead}}
	}
	drop := spec(func(s *v1alpha1.ConnectionSpec) { s.DanglingRoles = v1alpha1.DanglingDrop })
	sequences{
		"Kept": {
			reason: "A role nobody declared on a target that is gone is named, and never dropped unasked.",
			parts:  of(binding("a").through("acme", allowing(func(r *v1alpha1.AllowRule) { r.Inventory = true })), holds(d3, "dead")), drive: dangling,
			effects: is{
				"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER",
				"Diagnose w1: add WORKSPACE_MEMBER, dangling", "Withdraw a", "Report",
			},
			states: so{"a": "False/RefusedByAstro"}, holds: at{d3: "dead"},
			also: func(t *testing.T, w *driver) {
				if m := w.message("a"); !strings.Contains(m, "dead on DEPLOYMENT d3") || !strings.Contains(m, "danglingRoles: Drop") {
					t.Errorf("the dead role and what to do are named, got %s", m)
				}
			},
		},
		"Hidden": {
			reason: "Where the rules show nobody who holds what, it is only counted.",
			parts:  of(binding("a"), holds(d3, "dead")), drive: dangling,
			effects: is{
				"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER",
				"Diagnose w1: add WORKSPACE_MEMBER, dangling", "Withdraw a", "Report",
			},
			also: func(t *testing.T, w *driver) {
				if m := w.message("a"); strings.Contains(m, "d3") || !strings.Contains(m, "1 on targets that the rules do not show here") {
					t.Errorf("got %s", m)
				}
			},
		},
		"Dropped": {
			reason: "Where the connection says so it is, and all is tried once more.",
			parts:  of(binding("a").through("acme", drop), holds(d3, "dead")), drive: dangling,
			effects: is{
				"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER",
				"Diagnose w1: add WORKSPACE_MEMBER, dangling", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER", "Report", "Clear a",
			},
			states: so{"a": "True/Granted Held Created, changed"}, holds: at{d3: "", w1: member},
		},
		"DroppedForTheNext": {
			reason: "A change through a connection that keeps it, which came first, takes nothing from one that drops it, and goes through after it.",
			parts:  of(binding("a").through("other"), binding("b").on(w2).through("acme", drop), binding("c").on(d1).through("acme", drop), holds(d3, "dead")),
			drive:  dangling,
			effects: is{
				"AddFinalizers a b c", "WriteJournal a", "ReadForWrite other", "Post other w1: add WORKSPACE_MEMBER",
				"Diagnose w1: add WORKSPACE_MEMBER, dangling", "WriteJournal b c",
				"ReadForWrite acme", "Post acme w2: add WORKSPACE_MEMBER, d1: add DEPLOYMENT_ADMIN",
				"ReadForWrite acme", "Post acme w2: add WORKSPACE_MEMBER", "Diagnose w2: add WORKSPACE_MEMBER",
				"ReadForWrite acme", "Post acme w2: add WORKSPACE_MEMBER", "ReadForWrite acme", "Post acme d1: add DEPLOYMENT_ADMIN",
				"ReadForWrite other", "Post other w1: add WORKSPACE_MEMBER", "Report", "Clear a b c",
			},
			states: so{"a": "True/Granted Held Created, changed", "b": "True/Granted Held Created, changed", "c": "True/Granted Held Created, changed"},
			holds:  at{d3: ""},
		},
		"LeftOutForTheNext": {
			reason: "A declared role that is dead is left out for the next change where the first is itself at fault.",
			parts:  of(binding("a"), binding("b").on(w2).role(owner), binding("dead").on(d3).claimed(1).suspended(), holds(d3, "dead")),
			drive: func(w *driver) {
				refuses(errInvalid, "dead", member)(w)
				w.finding = Findings{Lapsed: []astro.Role{dead}, Missing: map[roleset.Target]bool{w1: true}}
			},
			effects: is{
				"AddFinalizers a b", "WriteJournal a b", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER, w2: add WORKSPACE_OWNER",
				"ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER", "Diagnose w1: add WORKSPACE_MEMBER, dangling",
				"ReadForWrite acme", "Post acme w2: add WORKSPACE_OWNER", "Diagnose w2: add WORKSPACE_OWNER",
				"ReadForWrite acme", "Post acme w2: add WORKSPACE_OWNER",
				"ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER", "Diagnose w1: add WORKSPACE_MEMBER", // once more: the dead role may have been why
				"Withdraw a", "Report", "Clear b",
			},
			states: so{"a": "False/TargetNotFound", "b": "True/Granted Held Created, changed", "dead": "False/Suspended Held Created"}, holds: at{d3: "", w2: owner},
		},
		"DroppedForTheNextInVain": {
			reason: "If that does not help, it is not tried again for each change.",
			parts:  of(binding("a").through("other"), binding("b").on(w2).through("acme", drop), binding("c").on(d1).through("acme", drop), holds(d3, "dead")),
			drive: func(w *driver) {
				dangling(w)
				w.refuse = func([]astro.Role) error { return errInvalid }
			},
			effects: is{
				"AddFinalizers a b c", "WriteJournal a", "ReadForWrite other", "Post other w1: add WORKSPACE_MEMBER",
				"Diagnose w1: add WORKSPACE_MEMBER, dangling", "WriteJournal b c",
				"ReadForWrite acme", "Post acme w2: add WORKSPACE_MEMBER, d1: add DEPLOYMENT_ADMIN",
				"ReadForWrite acme", "Post acme w2: add WORKSPACE_MEMBER", "Diagnose w2: add WORKSPACE_MEMBER",
				"ReadForWrite acme", "Post acme w2: add WORKSPACE_MEMBER", "Diagnose w2: add WORKSPACE_MEMBER",
				"ReadForWrite acme", "Post acme d1: add DEPLOYMENT_ADMIN", "Diagnose d1: add DEPLOYMENT_ADMIN", "Withdraw a b c", "Report",
			},
			holds: at{d3: "dead", w2: ""},
		},
		"DroppedInVain": {
			reason: "If that does not help, it is said, and nothing else is dropped.",
			parts:  of(binding("a").through("acme", drop), holds(d3, "dead")),
			drive: func(w *driver) {
				dangling(w)
				w.refuse = func([]astro.Role) error { return errInvalid }
			},
			effects: is{
				"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER",
				"Diagnose w1: add WORKSPACE_MEMBER, dangling", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER",
				"Diagnose w1: add WORKSPACE_MEMBER", "Withdraw a", "Report",
			},
			holds: at{d3: "dead", w1: ""},
		},
		"KnownCauseFirst": {
			reason: "Where the change itself is wrong nothing is dropped for it.",
			parts:  of(binding("a").through("acme", drop), holds(d3, "dead")),
			drive: func(w *driver) {
				dangling(w)
				w.finding.Missing = map[roleset.Target]bool{w1: true}
			},
			effects: is{
				"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER",
				"Diagnose w1: add WORKSPACE_MEMBER, dangling", "Withdraw a", "Report",
			},
			states: so{"a": "False/TargetNotFound"}, holds: at{d3: "dead"},
		},
		"DeclaredOnAGoneTarget": {
			reason: "A declared role on a target that is gone is left out, and keeps nobody waiting.",
			parts:  of(binding("a"), binding("dead").on(d3).claimed(1).suspended(), holds(d3, "dead")),
			drive: func(w *driver) {
				refuses(errInvalid, "dead")(w)
				w.finding = Findings{Lapsed: []astro.Role{dead}}
			},
			effects: is{
				"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER",
				"Diagnose w1: add WORKSPACE_MEMBER, dangling", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER", "Report", "Clear a",
			},
			states: so{"a": "True/Granted Held Created, changed", "dead": "False/Suspended Held Created"}, holds: at{d3: "", w1: member},
		},
		"GivenAgain": {
			reason: "What was left out is sent again for the binding that wants it, which is told why Astro does not take it.",
			parts:  of(binding("a"), binding("dead").on(d3).role("dead").claimed(1), holds(d3, "dead")),
			drive: func(w *driver) {
				refuses(errInvalid, "dead")(w)
				w.finding = Findings{RolesKnown: true, Lapsed: []astro.Role{dead}}
			},
			effects: is{
				"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER",
				"Diagnose w1: add WORKSPACE_MEMBER, dangling", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER",
				"ReadForWrite acme", "Post acme d3: add dead", "Diagnose d3: add dead", "Report", "Clear a",
			},
			states: so{"a": "True/Granted Held Created, changed", "dead": "False/RoleNotFound Held Created"}, holds: at{d3: "", w1: member},
		},
		"GivenAnother": {
			reason: "The role that it was edited to is given in the same place.",
			parts:  of(binding("a"), binding("dead").on(d3).role("dead").claimed(1).role(deployer).edited(), holds(d3, "dead")),
			drive: func(w *driver) {
				w.refuse = func(set []astro.Role) error { // both together are refused for a reason of their own
					holdsDead := slices.ContainsFunc(set, func(r astro.Role) bool { return r.Role == "dead" })
					if joined := len(w.posts) == 1; joined || holdsDead {
						return errInvalid
					}
					return nil
				}
				w.finding = Findings{Lapsed: []astro.Role{dead}}
			},
			effects: is{
				"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER, d3: change dead to Deploy Only",
				"ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER", "Diagnose w1: add WORKSPACE_MEMBER, dangling",
				"ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER", "ReadForWrite acme", "Post acme d3: add Deploy Only", "Report", "Clear a",
			},
			states: so{"a": "True/Granted Held Created, changed", "dead": "True/Granted Held Created, changed"}, holds: at{d3: deployer, w1: member},
		},
		"ForeignBesideDeclared": {
			reason: "Where a role nobody declared is dead as well, that one is named, and nothing is left out.",
			parts:  of(binding("a"), binding("dead").on(d3).claimed(1).suspended(), holds(d3, "dead"), holds(d2, "dead")),
			drive: func(w *driver) {
				refuses(errInvalid, "dead")(w)
				w.finding = Findings{Lapsed: []astro.Role{dead}, Dead: []astro.Role{astro.NewRole(d2.Kind, d2.ID, "dead")}}
			},
			effects: is{
				"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER",
				"Diagnose w1: add WORKSPACE_MEMBER, dangling", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER",
				"Diagnose w1: add WORKSPACE_MEMBER", "Withdraw a", "Report",
			},
			states: so{"a": "False/RefusedByAstro", "dead": "False/Suspended Held Created"}, holds: at{d3: "dead", d2: "dead"},
		},
		"TargetOfANameIsGone": {
			reason: "A target that is known by its name only is looked up anew, since the name may be another's by now.",
			parts:  of(binding("a").on(d1).targetNamed(), holds(w1, member)),
			drive: func(w *driver) {
				refuses(errInvalid, admin)(w)
				w.finding.Missing = map[roleset.Target]bool{d1: true}
			},
			effects: is{
				"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Post acme d1: add DEPLOYMENT_ADMIN",
				"Diagnose d1: add DEPLOYMENT_ADMIN, dangling", "Withdraw a", "Report",
			},
			states: so{"a": "unchanged"}, also: looksAgain(time.Second),
		},
	}.check(t)
}
