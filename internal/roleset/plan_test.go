package roleset_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	. "github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// planCase is one plan: what is there, who claims what, and what comes of it.
type planCase struct {
	reason   string
	observed Observed
	claims   []Claim
	changes  []string
	verdicts map[string]Verdict
	blocked  Block
}

func checkPlans(t *testing.T, cases map[string]planCase) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := Make(c.observed, c.claims)
			if diff := cmp.Diff(c.changes, told(p.Changes), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s\nchanges -want +got:\n%s", c.reason, diff)
			}
			if diff := cmp.Diff(c.verdicts, p.Verdicts, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s\nverdicts -want +got:\n%s", c.reason, diff)
			}
			if p.Blocked != c.blocked {
				t.Errorf("%s\nblocked: want %q, got %q", c.reason, c.blocked, p.Blocked)
			}
		})
	}
}

func TestMakeOfWantedRoles(t *testing.T) {
	checkPlans(t, map[string]planCase{
		"NobodyClaimsAnything": {
			reason:   "A token without bindings is left alone.",
			observed: organizationToken(on(dep1, admin)),
		},
		"RoleIsAdded": {
			reason:   "A role that is not there is added.",
			observed: organizationToken(),
			claims:   []Claim{claim("a/x", dep1, admin)},
			changes:  []string{"DEPLOYMENT d1: add DEPLOYMENT_ADMIN for a/x"},
			verdicts: map[string]Verdict{"a/x": {Outcome: Add}},
		},
		"RoleIsThere": {
			reason:   "A role that is there is not written again.",
			observed: organizationToken(on(dep1, admin)),
			claims:   []Claim{claim("a/x", dep1, admin, held(1))},
			verdicts: map[string]Verdict{"a/x": {Outcome: InSync, Observed: admin}},
		},
		"RoleDiffers": {
			reason:   "Another role on the target is changed.",
			observed: organizationToken(on(dep1, viewer)),
			claims:   []Claim{claim("a/x", dep1, admin, held(1))},
			changes:  []string{"DEPLOYMENT d1: change Viewer to DEPLOYMENT_ADMIN for a/x"},
			verdicts: map[string]Verdict{"a/x": {Outcome: Update, Observed: viewer}},
		},
		"EntryWithoutARole": {
			reason:   "An entry whose role is empty is an entry, so it is updated and not added again.",
			observed: organizationToken(on(dep1, "")),
			claims:   []Claim{claim("a/x", dep1, admin, held(1))},
			changes:  []string{"DEPLOYMENT d1: add DEPLOYMENT_ADMIN for a/x"},
			verdicts: map[string]Verdict{"a/x": {Outcome: Update}},
		},
		"SameGrantTwice": {
			reason:   "Two claims of the same role share it, and one change is made for both.",
			observed: organizationToken(),
			claims:   []Claim{claim("a/x", dep1, admin), claim("b/y", dep1, admin, held(1))},
			changes:  []string{"DEPLOYMENT d1: add DEPLOYMENT_ADMIN for b/y, a/x"},
			verdicts: map[string]Verdict{"a/x": {Outcome: Add}, "b/y": {Outcome: Add}},
		},
		"LetterCaseCounts": {
			reason:   "Role names are compared exactly.",
			observed: organizationToken(on(dep1, "deploy only")),
			claims:   []Claim{claim("a/x", dep1, deployer, held(1))},
			changes:  []string{"DEPLOYMENT d1: change deploy only to Deploy Only for a/x"},
			verdicts: map[string]Verdict{"a/x": {Outcome: Update, Observed: "deploy only"}},
		},
		"WorkspaceAndDeploymentOfOneID": {
			reason:   "The kind is part of the target.",
			observed: organizationToken(on(Target{Kind: astro.EntityWorkspace, ID: "d1"}, member)),
			claims:   []Claim{claim("a/x", dep1, admin)},
			changes:  []string{"DEPLOYMENT d1: add DEPLOYMENT_ADMIN for a/x"},
			verdicts: map[string]Verdict{"a/x": {Outcome: Add}},
		},
		"OrderOfChanges": {
			reason:   "Workspaces first on the way up and last on the way down, then by id.",
			observed: organizationToken(on(Target{astro.EntityWorkspace, "w3"}, member), on(Target{astro.EntityDeployment, "d3"}, admin), on(ws1, member)),
			claims: []Claim{
				claim("a/1", Target{astro.EntityWorkspace, "w3"}, member, held(1), leaving),
				claim("a/2", Target{astro.EntityDeployment, "d3"}, admin, held(1), leaving),
				claim("a/3", dep2, admin), claim("a/4", ws2, member), claim("a/5", dep1, admin), claim("a/6", ws1, accessor, held(1)),
			},
			changes: []string{
				"WORKSPACE w1: change WORKSPACE_MEMBER to WORKSPACE_ACCESSOR for a/6",
				"WORKSPACE w2: add WORKSPACE_MEMBER for a/4",
				"DEPLOYMENT d1: add DEPLOYMENT_ADMIN for a/5",
				"DEPLOYMENT d2: add DEPLOYMENT_ADMIN for a/3",
				"DEPLOYMENT d3: remove DEPLOYMENT_ADMIN for a/2",
				"WORKSPACE w3: remove WORKSPACE_MEMBER for a/1",
			},
			verdicts: map[string]Verdict{
				"a/1": {Outcome: Remove, Observed: member}, "a/2": {Outcome: Remove, Observed: admin}, "a/3": {Outcome: Add},
				"a/4": {Outcome: Add}, "a/5": {Outcome: Add}, "a/6": {Outcome: Update, Observed: member},
			},
		},
		"DuplicatesOfTheWantedRole": {
			reason:   "Several entries that all say what is wanted are no reason to write.",
			observed: organizationToken(on(dep1, admin), on(dep1, admin)),
			claims:   []Claim{claim("a/x", dep1, admin, held(1))},
			verdicts: map[string]Verdict{"a/x": {Outcome: InSync, Observed: admin}},
		},
		"DuplicatesThatDiffer": {
			reason:   "Of several entries one that differs is enough to write.",
			observed: organizationToken(on(dep1, admin), on(dep1, viewer)),
			claims:   []Claim{claim("a/x", dep1, admin, held(1))},
			changes:  []string{"DEPLOYMENT d1: change Viewer to DEPLOYMENT_ADMIN for a/x"},
			verdicts: map[string]Verdict{"a/x": {Outcome: Update, Observed: viewer}},
		},
		"NoRoleNamed": {
			reason:   "A claim without a role must never be taken for a removal.",
			observed: organizationToken(on(dep1, viewer)),
			claims:   []Claim{claim("a/x", dep1, "", held(1)), claim("a/y", dep1, "", watching)},
			verdicts: map[string]Verdict{"a/x": {Outcome: OnHold, Observed: viewer}, "a/y": {Outcome: Ignored, Observed: viewer}},
		},
		"NoTargetNamed": {
			reason:   "A claim without a target has nothing to write.",
			observed: organizationToken(),
			claims:   []Claim{claim("a/x", Target{Kind: astro.EntityDeployment}, admin)},
			verdicts: map[string]Verdict{"a/x": {Outcome: OnHold}},
		},
	})
}

func TestMakeOfConflicts(t *testing.T) {
	lost := func(observed, winner, role string) Verdict {
		return Verdict{Outcome: Conflict, Observed: observed, Winner: winner, WinnerRole: role}
	}
	checkPlans(t, map[string]planCase{
		"EarliestHeldWins": {
			reason:   "The claim that was taken first decides, whatever its name.",
			observed: organizationToken(on(dep1, admin)),
			claims:   []Claim{claim("a/x", dep1, viewer, held(2)), claim("b/y", dep1, admin, held(1))},
			verdicts: map[string]Verdict{"a/x": lost(admin, "b/y", admin), "b/y": {Outcome: InSync, Observed: admin}},
		},
		"HeldBeatsNotHeld": {
			reason:   "A claim that is not taken yet comes after all that are.",
			observed: organizationToken(),
			claims:   []Claim{claim("a/x", dep1, viewer), claim("b/y", dep1, admin, held(9))},
			changes:  []string{"DEPLOYMENT d1: add DEPLOYMENT_ADMIN for b/y"},
			verdicts: map[string]Verdict{"a/x": lost("", "b/y", admin), "b/y": {Outcome: Add}},
		},
		"NameDecidesATie": {
			reason:   "Of claims taken at the same time the first by namespace/name decides.",
			observed: organizationToken(),
			claims:   []Claim{claim("b/y", dep1, admin, held(1)), claim("a/x", dep1, viewer, held(1)), claim("c/z", dep1, viewer, held(2))},
			changes:  []string{"DEPLOYMENT d1: add Viewer for a/x, c/z"},
			verdicts: map[string]Verdict{"a/x": {Outcome: Add}, "b/y": lost("", "a/x", viewer), "c/z": {Outcome: Add}},
		},
		"WhatIsThereDecidesAmongNew": {
			reason:   "Of claims that are not taken the one whose role is there decides, whenever it was made.",
			observed: organizationToken(on(dep1, viewer)),
			claims:   []Claim{claim("a/x", dep1, admin, created(1)), claim("b/y", dep1, viewer, created(2))},
			verdicts: map[string]Verdict{"a/x": lost(viewer, "b/y", viewer), "b/y": {Outcome: InSync, Observed: viewer}},
		},
		"AgeDecidesAmongNew": {
			reason:   "Of claims that are not taken, and whose role is not there, the one made first decides.",
			observed: organizationToken(),
			claims:   []Claim{claim("a/x", dep1, admin, created(2)), claim("b/y", dep1, viewer, created(1))},
			changes:  []string{"DEPLOYMENT d1: add Viewer for b/y"},
			verdicts: map[string]Verdict{"a/x": lost("", "b/y", viewer), "b/y": {Outcome: Add}},
		},
		"HeldDecidesOverWhatIsThere": {
			reason:   "A claim that is taken decides, though another's role is there.",
			observed: organizationToken(on(dep1, viewer)),
			claims:   []Claim{claim("a/x", dep1, viewer, created(1)), claim("b/y", dep1, admin, created(2), held(3))},
			changes:  []string{"DEPLOYMENT d1: change Viewer to DEPLOYMENT_ADMIN for b/y"},
			verdicts: map[string]Verdict{"a/x": lost(viewer, "b/y", admin), "b/y": {Outcome: Update, Observed: viewer}},
		},
		"LoserIsPromoted": {
			reason:   "When the winner leaves, the loser's role is written in the same plan, and the deleted claim is free.",
			observed: organizationToken(on(dep1, admin)),
			claims:   []Claim{claim("a/x", dep1, admin, held(1), leaving), claim("b/y", dep1, viewer)},
			changes:  []string{"DEPLOYMENT d1: change DEPLOYMENT_ADMIN to Viewer for b/y"},
			verdicts: map[string]Verdict{
				"a/x": {Outcome: Kept, Observed: admin, Winner: "b/y", WinnerRole: viewer},
				"b/y": {Outcome: Update, Observed: admin},
			},
		},
		"LoserBesideALeaver": {
			reason:   "A claim that is being deleted does not decide, even if it was first.",
			observed: organizationToken(on(dep1, admin)),
			claims: []Claim{
				claim("a/x", dep1, admin, held(1), leaving), claim("b/y", dep1, viewer, held(3)), claim("c/z", dep1, deployer, held(2)),
			},
			changes: []string{"DEPLOYMENT d1: change DEPLOYMENT_ADMIN to Deploy Only for c/z"},
			verdicts: map[string]Verdict{
				"a/x": {Outcome: Kept, Observed: admin, Winner: "c/z", WinnerRole: deployer},
				"b/y": lost(admin, "c/z", deployer),
				"c/z": {Outcome: Update, Observed: admin},
			},
		},
	})
}

func TestMakeOfAdoption(t *testing.T) {
	checkPlans(t, map[string]planCase{
		"AlwaysTakesOver": {
			reason:   "A role that is there is taken over and changed.",
			observed: organizationToken(on(dep1, viewer)),
			claims:   []Claim{claim("a/x", dep1, admin)},
			changes:  []string{"DEPLOYMENT d1: change Viewer to DEPLOYMENT_ADMIN for a/x"},
			verdicts: map[string]Verdict{"a/x": {Outcome: Update, Observed: viewer}},
		},
		"NeverTakesNothing": {
			reason:   "Even the same role is a stranger's.",
			observed: organizationToken(on(dep1, admin)),
			claims:   []Claim{claim("a/x", dep1, admin, adopt(AdoptNever))},
			verdicts: map[string]Verdict{"a/x": {Outcome: ExistingRole, Observed: admin}},
		},
		"NeverWhereNothingIs": {
			reason:   "There is nothing to adopt.",
			observed: organizationToken(),
			claims:   []Claim{claim("a/x", dep1, admin, adopt(AdoptNever))},
			changes:  []string{"DEPLOYMENT d1: add DEPLOYMENT_ADMIN for a/x"},
			verdicts: map[string]Verdict{"a/x": {Outcome: Add}},
		},
		"SameRoleIsTaken": {
			reason:   "IfSameRole takes over what is as declared.",
			observed: organizationToken(on(dep1, admin)),
			claims:   []Claim{claim("a/x", dep1, admin, adopt(AdoptIfSameRole))},
			verdicts: map[string]Verdict{"a/x": {Outcome: InSync, Observed: admin}},
		},
		"OtherRoleIsNotTaken": {
			reason:   "IfSameRole leaves another role.",
			observed: organizationToken(on(dep1, viewer)),
			claims:   []Claim{claim("a/x", dep1, admin, adopt(AdoptIfSameRole))},
			verdicts: map[string]Verdict{"a/x": {Outcome: ExistingRole, Observed: viewer}},
		},
		"OneOfTheDuplicatesDiffers": {
			reason:   "IfSameRole wants every entry to be the same.",
			observed: organizationToken(on(dep1, admin), on(dep1, viewer)),
			claims:   []Claim{claim("a/x", dep1, admin, adopt(AdoptIfSameRole))},
			verdicts: map[string]Verdict{"a/x": {Outcome: ExistingRole, Observed: viewer}},
		},
		"HeldClaimDoesNotAskAgain": {
			reason:   "What a held claim finds changed is drift, not a stranger's role.",
			observed: organizationToken(on(dep1, viewer)),
			claims:   []Claim{claim("a/x", dep1, admin, adopt(AdoptNever), held(1))},
			changes:  []string{"DEPLOYMENT d1: change Viewer to DEPLOYMENT_ADMIN for a/x"},
			verdicts: map[string]Verdict{"a/x": {Outcome: Update, Observed: viewer}},
		},
		"AnotherHoldsIt": {
			reason:   "What another binding granted is not a stranger's role: the two share or conflict.",
			observed: organizationToken(on(dep1, admin)),
			claims: []Claim{
				claim("a/x", dep1, admin, held(1)), claim("b/y", dep1, admin, adopt(AdoptNever)), claim("c/z", dep1, viewer, adopt(AdoptIfSameRole)),
			},
			verdicts: map[string]Verdict{
				"a/x": {Outcome: InSync, Observed: admin}, "b/y": {Outcome: InSync, Observed: admin},
				"c/z": {Outcome: Conflict, Observed: admin, Winner: "a/x", WinnerRole: admin},
			},
		},
		"AnotherLeaves": {
			reason:   "What a deleted claim granted is not a stranger's role: it goes over to the claim.",
			observed: organizationToken(on(dep1, admin)),
			claims:   []Claim{claim("a/x", dep1, admin, held(1), leaving), claim("b/y", dep1, admin, adopt(AdoptNever))},
			verdicts: map[string]Verdict{
				"a/x": {Outcome: Kept, Observed: admin, Winner: "b/y", WinnerRole: admin}, "b/y": {Outcome: InSync, Observed: admin},
			},
		},
		"ARefusedOneDoesNotCount": {
			reason:   "A claim that counts for nothing makes no role its own, even if it was held once.",
			observed: organizationToken(on(dep1, admin)),
			claims:   []Claim{claim("a/x", dep1, admin, held(1), none), claim("b/y", dep1, admin, adopt(AdoptNever))},
			verdicts: map[string]Verdict{"a/x": {Outcome: Ignored, Observed: admin}, "b/y": {Outcome: ExistingRole, Observed: admin}},
		},
		"RefusedAdoptionLeavesTheSayToOthers": {
			reason:   "A claim that may not adopt takes no part in winning.",
			observed: organizationToken(on(dep1, viewer)),
			claims:   []Claim{claim("a/x", dep1, admin, adopt(AdoptNever)), claim("b/y", dep1, deployer)},
			changes:  []string{"DEPLOYMENT d1: change Viewer to Deploy Only for b/y"},
			verdicts: map[string]Verdict{
				"a/x": {Outcome: ExistingRole, Observed: viewer}, "b/y": {Outcome: Update, Observed: viewer},
			},
		},
	})
}
