package roleset_test

import (
	"testing"

	. "github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

func TestMakeOfHeldAndLeavingClaims(t *testing.T) {
	checkPlans(t, map[string]planCase{
		"HoldWritesNothing": {
			reason:   "A claim on hold is neither written nor removed.",
			observed: organizationToken(),
			claims:   []Claim{claim("a/x", dep1, admin, held(1), onHold)},
			verdicts: map[string]Verdict{"a/x": {Outcome: OnHold}},
		},
		"HoldWins": {
			reason:   "Where a claim on hold has the say, others of the same role are told so, others of another role conflict.",
			observed: organizationToken(on(dep1, viewer)),
			claims:   []Claim{claim("a/x", dep1, admin, held(1), onHold), claim("b/y", dep1, admin, held(2)), claim("c/z", dep1, viewer, held(3))},
			verdicts: map[string]Verdict{
				"a/x": {Outcome: OnHold, Observed: viewer},
				"b/y": {Outcome: OnHold, Observed: viewer, Winner: "a/x", WinnerRole: admin},
				"c/z": {Outcome: Conflict, Observed: viewer, Winner: "a/x", WinnerRole: admin},
			},
		},
		"HoldThatYieldsLoses": {
			reason:   "A hold that nobody can end keeps nobody from the target, and what is there is no stranger's.",
			observed: organizationToken(on(dep1, viewer)),
			claims:   []Claim{claim("a/x", dep1, viewer, held(1), onHold, yielding), claim("b/y", dep1, admin, neverAdopting)},
			changes:  []string{"DEPLOYMENT d1: change Viewer to DEPLOYMENT_ADMIN for b/y"},
			verdicts: map[string]Verdict{"a/x": {Outcome: OnHold, Observed: viewer}, "b/y": {Outcome: Update, Observed: viewer}},
		},
		"HoldThatYieldsKeepsNothing": {
			reason:   "Nor does it keep a role that somebody gives up.",
			observed: organizationToken(on(dep1, admin)),
			claims:   []Claim{claim("a/x", dep1, admin, held(1), onHold, yielding), claim("b/y", dep1, admin, held(2), leaving)},
			changes:  []string{"DEPLOYMENT d1: remove DEPLOYMENT_ADMIN for b/y"},
			verdicts: map[string]Verdict{"a/x": {Outcome: OnHold, Observed: admin}, "b/y": {Outcome: Remove, Observed: admin}},
		},
		"HoldWinsAndIsSatisfied": {
			reason:   "A claim that shares the role of one on hold has what it wants.",
			observed: organizationToken(on(dep1, admin)),
			claims:   []Claim{claim("a/x", dep1, admin, held(1), onHold), claim("b/y", dep1, admin, held(2))},
			verdicts: map[string]Verdict{"a/x": {Outcome: OnHold, Observed: admin}, "b/y": {Outcome: InSync, Observed: admin}},
		},
		"HoldLoses": {
			reason:   "A claim on hold that was later does not keep the winner from being written.",
			observed: organizationToken(on(dep1, viewer)),
			claims:   []Claim{claim("a/x", dep1, viewer, held(2), onHold), claim("b/y", dep1, admin, held(1))},
			changes:  []string{"DEPLOYMENT d1: change Viewer to DEPLOYMENT_ADMIN for b/y"},
			verdicts: map[string]Verdict{"a/x": {Outcome: OnHold, Observed: viewer}, "b/y": {Outcome: Update, Observed: viewer}},
		},
		"LeaverIsRemoved": {
			reason:   "What a deleted claim granted goes.",
			observed: organizationToken(on(dep1, admin)),
			claims:   []Claim{claim("a/x", dep1, admin, held(1), leaving)},
			changes:  []string{"DEPLOYMENT d1: remove DEPLOYMENT_ADMIN for a/x"},
			verdicts: map[string]Verdict{"a/x": {Outcome: Remove, Observed: admin}},
		},
		"LeaverIsRemovedWhateverTheRole": {
			reason:   "Deleting revokes the entry whatever its role is by then, all of its duplicates too.",
			observed: organizationToken(on(dep1, viewer), on(dep1, deployer)),
			claims:   []Claim{claim("a/x", dep1, admin, held(1), leaving)},
			changes:  []string{"DEPLOYMENT d1: remove Deploy Only for a/x"},
			verdicts: map[string]Verdict{"a/x": {Outcome: Remove, Observed: deployer}},
		},
		"LeaverIsGone": {
			reason:   "There is nothing left to remove.",
			observed: organizationToken(),
			claims:   []Claim{claim("a/x", dep1, admin, held(1), leaving), claim("b/y", dep1, admin, held(2), onHold)},
			verdicts: map[string]Verdict{"a/x": {Outcome: Gone}, "b/y": {Outcome: OnHold}},
		},
		"AllLeave": {
			reason:   "The last claims of a shared grant take it along together.",
			observed: organizationToken(on(dep1, admin)),
			claims:   []Claim{claim("b/y", dep1, admin, held(2), leaving), claim("a/x", dep1, admin, held(3), leaving)},
			changes:  []string{"DEPLOYMENT d1: remove DEPLOYMENT_ADMIN for b/y, a/x"},
			verdicts: map[string]Verdict{"a/x": {Outcome: Remove, Observed: admin}, "b/y": {Outcome: Remove, Observed: admin}},
		},
		"OneOfTwoLeaves": {
			reason:   "A shared grant stays while one claim remains.",
			observed: organizationToken(on(dep1, admin)),
			claims:   []Claim{claim("a/x", dep1, admin, held(1), leaving), claim("b/y", dep1, admin, held(2))},
			verdicts: map[string]Verdict{
				"a/x": {Outcome: Kept, Observed: admin, Winner: "b/y", WinnerRole: admin}, "b/y": {Outcome: InSync, Observed: admin},
			},
		},
		"HeldHoldRemains": {
			reason:   "A claim on hold that is taken keeps the role, and the deleted claim is free.",
			observed: organizationToken(on(dep1, admin)),
			claims:   []Claim{claim("a/x", dep1, admin, held(1), leaving), claim("b/y", dep1, viewer, held(2), onHold)},
			verdicts: map[string]Verdict{
				"a/x": {Outcome: Kept, Observed: admin, Winner: "b/y", WinnerRole: viewer}, "b/y": {Outcome: OnHold, Observed: admin},
			},
		},
		"OnlyAnUntakenHoldRemains": {
			reason:   "A claim on hold that nobody has taken may come to nothing, so the deleted claim waits for it.",
			observed: organizationToken(on(dep1, admin)),
			claims:   []Claim{claim("a/x", dep1, admin, held(1), leaving), claim("b/y", dep1, admin, onHold)},
			verdicts: map[string]Verdict{
				"a/x": {Outcome: Waiting, Observed: admin, Winner: "b/y", WinnerRole: admin}, "b/y": {Outcome: OnHold, Observed: admin},
			},
		},
		"UntakenHoldKeepsAnUntakenWantAway": {
			reason:   "Nobody who has the say is sure to answer for the role, so the deleted claim waits.",
			observed: organizationToken(on(dep1, admin)),
			claims:   []Claim{claim("a/x", dep1, admin, held(1), leaving), claim("b/y", dep1, admin, onHold), claim("c/z", dep1, viewer)},
			verdicts: map[string]Verdict{
				"a/x": {Outcome: Waiting, Observed: admin, Winner: "b/y", WinnerRole: admin},
				"b/y": {Outcome: OnHold, Observed: admin},
				"c/z": {Outcome: Conflict, Observed: admin, Winner: "b/y", WinnerRole: admin},
			},
		},
		"LeaverThatWasNeverHeld": {
			reason:   "A claim that is being deleted owns what is there, so that a claim beside it need not adopt.",
			observed: organizationToken(on(dep1, admin)),
			claims:   []Claim{claim("a/x", dep1, admin, leaving), claim("b/y", dep1, admin, adopt(AdoptNever))},
			verdicts: map[string]Verdict{
				"a/x": {Outcome: Kept, Observed: admin, Winner: "b/y", WinnerRole: admin}, "b/y": {Outcome: InSync, Observed: admin},
			},
		},
		"NoneNeitherKeepsNorRemoves": {
			reason:   "A claim that counts for nothing does not keep a deleted claim's role.",
			observed: organizationToken(on(dep1, admin), on(dep2, admin)),
			claims: []Claim{
				claim("a/x", dep1, admin, held(1), leaving), claim("b/y", dep1, admin, none), claim("c/z", dep2, viewer, none),
			},
			changes: []string{"DEPLOYMENT d1: remove DEPLOYMENT_ADMIN for a/x"},
			verdicts: map[string]Verdict{
				"a/x": {Outcome: Remove, Observed: admin}, "b/y": {Outcome: Ignored, Observed: admin}, "c/z": {Outcome: Ignored, Observed: admin},
			},
		},
	})
}
