package roleset_test

import (
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	. "github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

func TestMakeOfObservingClaims(t *testing.T) {
	checkPlans(t, map[string]planCase{
		"WouldAdd": {
			reason:   "It is told what would happen, and nothing does.",
			observed: organizationToken(),
			claims:   []Claim{claim("a/x", dep1, admin, watching)},
			verdicts: map[string]Verdict{"a/x": {Outcome: Add}},
		},
		"WouldUpdateAndWouldNot": {
			reason:   "Two that observe do not see each other.",
			observed: organizationToken(on(dep1, viewer)),
			claims:   []Claim{claim("a/x", dep1, admin, watching), claim("b/y", dep1, viewer, watching)},
			verdicts: map[string]Verdict{"a/x": {Outcome: Update, Observed: viewer}, "b/y": {Outcome: InSync, Observed: viewer}},
		},
		"WouldLose": {
			reason:   "It comes after all others, also those not taken yet.",
			observed: organizationToken(),
			claims:   []Claim{claim("a/x", dep1, viewer, watching, held(1)), claim("b/y", dep1, admin)},
			changes:  []string{"DEPLOYMENT d1: add DEPLOYMENT_ADMIN for b/y"},
			verdicts: map[string]Verdict{"a/x": {Outcome: Conflict, Winner: "b/y", WinnerRole: admin}, "b/y": {Outcome: Add}},
		},
		"WouldShare": {
			reason:   "The change is made for those who want it, and it is not named among them.",
			observed: organizationToken(),
			claims:   []Claim{claim("a/x", dep1, admin, watching), claim("b/y", dep1, admin)},
			changes:  []string{"DEPLOYMENT d1: add DEPLOYMENT_ADMIN for b/y"},
			verdicts: map[string]Verdict{"a/x": {Outcome: Add}, "b/y": {Outcome: Add}},
		},
		"WouldNotAdopt": {
			reason:   "Its adoption policy counts too.",
			observed: organizationToken(on(dep1, viewer)),
			claims:   []Claim{claim("a/x", dep1, admin, watching, adopt(AdoptIfSameRole))},
			verdicts: map[string]Verdict{"a/x": {Outcome: ExistingRole, Observed: viewer}},
		},
		"WouldBeHeld": {
			reason:   "A claim on hold would keep it from being written.",
			observed: organizationToken(),
			claims:   []Claim{claim("a/x", dep1, admin, watching), claim("b/y", dep1, admin, held(1), onHold)},
			verdicts: map[string]Verdict{"a/x": {Outcome: OnHold, Winner: "b/y", WinnerRole: admin}, "b/y": {Outcome: OnHold}},
		},
		"DoesNotKeepALeaver": {
			reason:   "It counts for nobody else.",
			observed: organizationToken(on(dep1, admin)),
			claims:   []Claim{claim("a/x", dep1, admin, watching), claim("b/y", dep1, admin, held(1), leaving)},
			changes:  []string{"DEPLOYMENT d1: remove DEPLOYMENT_ADMIN for b/y"},
			verdicts: map[string]Verdict{"a/x": {Outcome: InSync, Observed: admin}, "b/y": {Outcome: Remove, Observed: admin}},
		},
		"WantThatObserves": {
			reason:   "Observing is stronger than wanting.",
			observed: organizationToken(),
			claims:   []Claim{claim("a/x", dep1, admin, func(c *Claim) { c.Observe = true })},
			verdicts: map[string]Verdict{"a/x": {Outcome: Add}},
		},
	})
}

func TestMakeOfProtectedTokens(t *testing.T) {
	workspaceToken := func(home string, entries ...string) Observed {
		return Observed{Scope: astro.ScopeWorkspace, Home: home, Roles: read(entries...)}
	}
	blocked := func(observed string, why Block) Verdict {
		return Verdict{Outcome: Blocked, Observed: observed, Block: why}
	}
	checkPlans(t, map[string]planCase{
		"OwnScopeRoleUnseen": {
			reason:   "What was read is not all there is, so nothing is written, and what was not read is not taken for gone.",
			observed: Observed{Scope: astro.ScopeOrganization, Roles: read(on(dep1, admin), on(ws1, member))},
			claims: []Claim{
				claim("a/1", dep1, viewer, held(1)), claim("a/2", ws1, member, held(1), leaving), claim("a/3", dep2, admin),
				claim("a/4", dep1, admin, held(2)), claim("a/5", ws2, member, held(1), leaving), claim("a/6", dep2, admin, watching),
			},
			verdicts: map[string]Verdict{
				"a/1": blocked(admin, OwnScopeRoleUnseen), "a/2": blocked(member, OwnScopeRoleUnseen), "a/3": blocked("", OwnScopeRoleUnseen),
				"a/4": {Outcome: Conflict, Observed: admin, Winner: "a/1", WinnerRole: viewer}, "a/5": blocked("", OwnScopeRoleUnseen),
				"a/6": blocked("", OwnScopeRoleUnseen),
			},
			blocked: OwnScopeRoleUnseen,
		},
		"OwnScopeRoleUnseenOfASharedGrant": {
			reason:   "A role that was not read may be there: it stays with whoever holds it, and with nobody else.",
			observed: Observed{Scope: astro.ScopeOrganization},
			claims: []Claim{
				claim("a/1", dep1, admin, held(1), leaving), claim("a/2", dep1, admin, held(2)),
				claim("a/3", dep2, admin, held(1), leaving), claim("a/4", dep2, admin, onHold),
			},
			verdicts: map[string]Verdict{
				"a/1": {Outcome: Kept, Winner: "a/2", WinnerRole: admin}, "a/2": blocked("", OwnScopeRoleUnseen),
				"a/3": blocked("", OwnScopeRoleUnseen), "a/4": {Outcome: OnHold},
			},
			blocked: OwnScopeRoleUnseen,
		},
		"RoleOnAnotherHome": {
			reason:   "A role on a Workspace other than the home is not the own-scope role.",
			observed: workspaceToken("w1", on(ws2, member)),
			claims:   []Claim{claim("a/x", dep1, admin)},
			verdicts: map[string]Verdict{"a/x": blocked("", OwnScopeRoleUnseen)},
			blocked:  OwnScopeRoleUnseen,
		},
		"NothingRead": {
			reason:   "An empty set says nothing of the token's scope.",
			observed: Observed{Roles: read(`{"entityId":"o1","role":"X"}`)},
			claims:   []Claim{claim("a/x", dep1, admin)},
			verdicts: map[string]Verdict{"a/x": blocked("", OwnScopeRoleUnseen)},
			blocked:  OwnScopeRoleUnseen,
		},
		"HomeIsNotKnown": {
			reason:   "Any role of the scope's kind may be the own-scope role.",
			observed: workspaceToken("", on(ws1, member)),
			claims:   []Claim{claim("a/x", dep1, admin)},
			changes:  []string{"DEPLOYMENT d1: add DEPLOYMENT_ADMIN for a/x"},
			verdicts: map[string]Verdict{"a/x": {Outcome: Add}},
		},
		"OwnScopeRoleIsNotChanged": {
			reason:   "The own-scope role is nobody's to declare, and the other changes are made all the same.",
			observed: workspaceToken("w1", on(ws1, member), on(dep1, admin)),
			claims:   []Claim{claim("a/x", ws1, accessor), claim("b/y", dep1, admin, held(1), leaving), claim("c/z", ws1, accessor, watching)},
			changes:  []string{"DEPLOYMENT d1: remove DEPLOYMENT_ADMIN for b/y"},
			verdicts: map[string]Verdict{
				"a/x": blocked(member, OwnScopeRole), "b/y": {Outcome: Remove, Observed: admin}, "c/z": blocked(member, OwnScopeRole),
			},
			blocked: OwnScopeRole,
		},
		"OwnScopeRoleIsNotRemoved": {
			reason:   "A claim that is being deleted does not take the own-scope role along.",
			observed: workspaceToken("w1", on(ws1, member), on(dep1, admin)),
			claims:   []Claim{claim("a/x", ws1, member, held(1), leaving)},
			verdicts: map[string]Verdict{"a/x": blocked(member, OwnScopeRole)},
			blocked:  OwnScopeRole,
		},
		"LastRoleIsNotRemoved": {
			reason:   "A token cannot be without a role: that on its own scope stays, and what else was to be removed is.",
			observed: workspaceToken("", on(ws1, member), on(dep1, admin)),
			claims:   []Claim{claim("a/x", ws1, member, held(1), leaving), claim("b/y", dep1, admin, held(1), leaving)},
			changes:  []string{"DEPLOYMENT d1: remove DEPLOYMENT_ADMIN for b/y"},
			verdicts: map[string]Verdict{"a/x": blocked(member, OwnScopeRole), "b/y": {Outcome: Remove, Observed: admin}},
			blocked:  OwnScopeRole,
		},
	})
}
