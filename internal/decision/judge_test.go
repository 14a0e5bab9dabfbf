package decision

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// rulings are cases of what is decided for each binding of a situation.
type rulings map[string]struct {
	reason string
	parts  []part
	want   string // in the order of the bindings
}

func (cases rulings) check(t *testing.T) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			differ(t, c.reason, "rulings", c.want, ruled(Decide(situation(c.parts...))))
		})
	}
}

// of is shorter than []part{...}.
func of(parts ...part) []part { return parts }

func TestJudgeOfBindingsThatStay(t *testing.T) {
	rulings{
		"New": {
			reason: "Nothing stands in the way of a new binding.",
			parts:  of(binding("a")), want: "Want",
		},
		"Claimed": {
			reason: "Nor in that of one that holds its claim.",
			parts:  of(binding("a").claimed(1), holds(w1, member)), want: "Want",
		},
		"SuspendedAndClaimed": {
			reason: "Suspending keeps the claim and what it granted.",
			parts:  of(binding("a").claimed(1).suspended(), holds(w1, member)), want: "Hold Suspended",
		},
		"SuspendedAndNew": {
			reason: "What was suspended before it was ever granted counts for nothing, so that it keeps nobody waiting.",
			parts:  of(binding("a").suspended()), want: "None Suspended",
		},
		"Observing": {
			reason: "Observe has no say, and nothing is wrong with it.",
			parts:  of(binding("a").observing()), want: "None",
		},
		"ObservingAndClaimed": {
			reason: "Observe releases the claim.",
			parts:  of(binding("a").claimed(1).observing(), holds(w1, member)), want: "None",
		},
		"ObservingAndSuspended": {
			reason: "What stands in its way is said to one that observes, too; it has no say all the same.",
			parts:  of(binding("a").claimed(1).observing().suspended(), holds(w1, member)), want: "None Suspended",
		},
		"LeftOut": {
			reason: "What this reconcile leaves alone is on hold where it holds a claim, else it counts for nothing.",
			parts: of(binding("a").claimed(1), binding("b"), with(func(s *Situation) {
				s.Out = map[types.UID]*fault.Fault{"uid-a": fault.Quiet(), "uid-b": fault.Quiet()}
			})),
			want: "Hold (quiet); None (quiet)",
		},
		"TargetNotFound": {
			reason: "A target that is not there is said, and nothing is written.",
			parts:  of(binding("a").found()), want: "None TargetNotFound",
		},
		"TargetLostFromAClaim": {
			reason: "One that holds a claim keeps it.",
			parts:  of(binding("a").claimed(1).edited().found(), holds(w1, member)), want: "Hold TargetNotFound",
		},
		"TargetAmbiguous": {
			reason: "A name that two targets have is nobody's.",
			parts:  of(binding("a").on(d1).targetNamed().found(shown(d1), shown(d2))), want: "None TargetAmbiguous",
		},
		"TargetElsewhere": {
			reason: "A target of another Workspace than the binding says is not the one that is meant.",
			parts:  of(binding("a").on(d1).targetNamed().found(shown(d3))), want: "None TargetNotFound",
		},
		"TargetUnreadable": {
			reason: "Where the lookup failed, nothing is said of what exists.",
			parts:  of(binding("a").but(func(b *Binding) { b.Target = TargetFinding{Looked: true, Err: errLost} })), want: "None Unreachable",
		},
		"TargetForbidden": {
			reason: "A lookup that Astro forbids says so, and the rules are asked first.",
			parts:  of(binding("a").through("acme", onlyRole(owner)).but(func(b *Binding) { b.Target = TargetFinding{Looked: true, Err: errForbidden} })),
			want:   "None RoleNotAllowed",
		},
		"ConnectionMissing": {
			reason: "Without a connection nothing can be looked at.",
			parts:  of(binding("a").through("acme", func(c *Connection) { c.Object = nil })), want: "None ConnectionNotFound",
		},
		"OneByNameOfAnotherToken": {
			reason: "A name that is another token's by now is looked at under that token's key.",
			parts:  of(binding("a").named("other")), want: "None (quiet)",
		},
		"OneByNameOfThisToken": {
			reason: "A name is this token's while Astro says so.",
			parts:  of(binding("a").named("ci")), want: "Want",
		},
		"RenamedToken": {
			reason: "A renamed token keeps the binding that is pinned to it.",
			parts:  of(binding("a").named("old name").claimed(1), holds(w1, member)), want: "Want",
		},
	}.check(t)
}

func TestJudgeOfContention(t *testing.T) {
	fought := func(times int, age time.Duration) with {
		return remembered(func(m Memory) Memory {
			b := Binding{Object: binding("a").b.Object}
			for range times {
				m = m.restored(now.Add(-age), &b)
			}
			return m
		})
	}
	rulings{
		"ThreeTimesWithinTheHour": {
			reason: "A role that was restored as often as that is not fought for any longer.",
			parts:  of(binding("a").claimed(1), holds(w1, owner), fought(3, time.Minute)), want: "Hold ExternalWriter",
		},
		"Twice": {
			reason: "Less is drift.",
			parts:  of(binding("a").claimed(1), holds(w1, owner), fought(2, time.Minute)), want: "Want",
		},
		"LongAgo": {
			reason: "After an hour it is tried again.",
			parts:  of(binding("a").claimed(1), holds(w1, owner), fought(3, time.Hour)), want: "Want",
		},
		"AsDeclared": {
			reason: "While Astro holds what is declared there is nothing to fight for.",
			parts:  of(binding("a").claimed(1), holds(w1, member), fought(3, time.Minute)), want: "Want",
		},
		"Edited": {
			reason: "An edited spec starts anew.",
			parts:  of(binding("a").claimed(1).edited(), holds(w1, owner), fought(3, time.Minute)), want: "Want",
		},
	}.check(t)
}

func TestJudgeOfWithdrawal(t *testing.T) {
	forbid := onlyRole(owner)
	rulings{
		"Frozen": {
			reason: "A withdrawn role is left as it is, unless the connection says otherwise.",
			parts:  of(binding("a").claimed(1).through("acme", forbid), holds(w1, member)), want: "Hold RoleNotAllowed, withdrawn",
		},
		"Revoked": {
			reason: "Where it says Revoke, what the operator gave goes.",
			parts:  of(binding("a").claimed(1).through("acme", forbid, withdrawing), holds(w1, member)), want: "Leave RoleNotAllowed, withdrawn",
		},
		"WithdrawnCredential": {
			reason: "From the token that became the credential of the connection nothing is taken, by no rule.",
			parts: of(binding("a").claimed(1).through("acme", forbid, withdrawing), holds(w1, member), token(func(o *Observation) {
				o.CredentialOf = []string{connection("acme").ID}
			})), want: "Hold RoleNotAllowed, withdrawn",
		},
		"Adopted": {
			reason: "What it found there does not.",
			parts:  of(binding("a").adopted(1).through("acme", forbid, withdrawing), holds(w1, member)), want: "Hold RoleNotAllowed, withdrawn",
		},
		"Suspended": {
			reason: "Suspending keeps it.",
			parts:  of(binding("a").claimed(1).suspended().through("acme", forbid, withdrawing), holds(w1, member)), want: "Hold RoleNotAllowed, withdrawn",
		},
		"Observed": {
			reason: "Observing writes nothing.",
			parts:  of(binding("a").claimed(1).observing().through("acme", forbid, withdrawing), holds(w1, member)), want: "None RoleNotAllowed, withdrawn",
		},
		"NotGivenYet": {
			reason: "Where Astro shows another role than a claim that only the journal knows, that one is somebody else's.",
			parts:  of(binding("a").recovered(now.Add(-time.Second)).through("acme", forbid, withdrawing), holds(w1, admin)), want: "Hold RoleNotAllowed, withdrawn, uncertain",
		},
		"GivenAsTheJournalSays": {
			reason: "The very role of the journal was given.",
			parts:  of(binding("a").recovered(now.Add(-time.Second)).through("acme", forbid, withdrawing), holds(w1, member)), want: "Leave RoleNotAllowed, withdrawn",
		},
		"NeverClaimed": {
			reason: "What was never held cannot be withdrawn.",
			parts:  of(binding("a").through("acme", forbid, withdrawing), holds(w1, member)), want: "None RoleNotAllowed",
		},
		"EditedToAForbiddenRole": {
			reason: "A binding edited to a role that it may not have keeps the one that it may.",
			parts:  of(binding("a").role(owner).claimed(1).role(member).edited().through("acme", forbid, withdrawing), holds(w1, owner)),
			want:   "Hold RoleNotAllowed",
		},
		"EditedToAForbiddenRoleAndChanged": {
			reason: "So it does where a stranger has put another role there, which is not the operator's to remove.",
			parts:  of(binding("a").claimed(1).role(owner).edited().through("acme", onlyRole(member), withdrawing), holds(w1, accessor)),
			want:   "Hold RoleNotAllowed",
		},
		"EditedToAForbiddenRoleAndRemoved": {
			reason: "Nor does it give its claim up where a stranger has taken the role out.",
			parts:  of(binding("a").claimed(1).role(owner).edited().through("acme", onlyRole(member), withdrawing)),
			want:   "Hold RoleNotAllowed",
		},
		"EditedToAForbiddenRoleBeforeItIsTold": {
			reason: "Nor where only the journal tells of the role.",
			parts:  of(binding("a").recovered(now.Add(-time.Second)).role(owner).edited().through("acme", onlyRole(member), withdrawing), holds(w1, accessor)),
			want:   "Hold RoleNotAllowed, uncertain",
		},
		"EditedToAForbiddenRoleAndWithdrawn": {
			reason: "The rules allow neither the role that was given nor the one that it was edited to.",
			parts:  of(binding("a").claimed(1).role(owner).edited().through("acme", onlyRole("other"), withdrawing), holds(w1, accessor)),
			want:   "Leave RoleNotAllowed, withdrawn",
		},
		"TargetUnknown": {
			reason: "A refusal for want of knowledge withdraws nothing.",
			parts: of(binding("a").on(d1).claimed(1).edited().found().through("acme", withdrawing, allowing(func(r *v1alpha1.AllowRule) {
				r.Targets = []v1alpha1.TargetRule{{WorkspaceIDs: []string{"w2"}}}
			})), holds(d1, admin)),
			want: "Hold TargetNotAllowed",
		},
	}.check(t)
}

func TestJudgeBesideOthers(t *testing.T) {
	refused := func(name string, r Refusal) with {
		return remembered(func(m Memory) Memory {
			b := binding(name).role(owner).b
			return m.refused(&b, w1, owner, r)
		})
	}
	invalid := Refusal{At: now.Add(-time.Minute), Invalid: true, Fault: fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonRefusedByAstro, "no")}
	stale := invalid
	stale.At = now.Add(-time.Hour)
	notWriter := remembered(func(m Memory) Memory { return m.writer("credential of acme", false) })
	rulings{
		"YieldsToARevocation": {
			reason: "A role that Astro refuses to a successor does not keep up what nobody declares any more.",
			parts:  of(binding("a").claimed(1).deleting(), binding("b").role(owner), holds(w1, member), refused("b", invalid)),
			want:   "Leave; None RefusedByAstro",
		},
		"DoesNotYieldForEver": {
			reason: "Once the refusal has rested it is tried again.",
			parts:  of(binding("a").claimed(1).deleting(), binding("b").role(owner), holds(w1, member), refused("b", stale)),
			want:   "Leave; Want",
		},
		"YieldsToNobody": {
			reason: "Where nothing is to be revoked, a refused change is said as such.",
			parts:  of(binding("b").role(owner), refused("b", invalid)), want: "Want",
		},
		"LesserCredential": {
			reason: "A claim through a credential that may not write could neither give the role nor take it away.",
			parts:  of(binding("a").claimed(1), binding("b").role(owner).through("other"), holds(w1, member), notWriter),
			want:   "None PermissionDenied; Want",
		},
		"LesserCredentialAlone": {
			reason: "By itself it is left to say what Astro says.",
			parts:  of(binding("a").claimed(1), binding("b").role(owner), holds(w1, member), notWriter), want: "Want; Want",
		},
		"LesserCredentialElsewhere": {
			reason: "Another place is another matter.",
			parts:  of(binding("a").claimed(1), binding("b").on(w2).through("other"), holds(w1, member), notWriter), want: "Want; Want",
		},
		"ObserverDoesNotCount": {
			reason: "One that only observes speaks of no place.",
			parts:  of(binding("a").claimed(1), binding("b").observing().through("other"), holds(w1, member), notWriter), want: "Want; None",
		},
		"LesserCredentialOfALeaver": {
			reason: "A revocation through such a credential counts for nothing either: the other keeps the role.",
			parts:  of(binding("a").claimed(1).deleting(), binding("b").through("other"), holds(w1, member), notWriter),
			want:   "None PermissionDenied; Want",
		},
	}.check(t)
}

func TestDecideIsAsRoleset(t *testing.T) {
	d := Decide(situation(binding("a").claimed(1), binding("b").role(owner), holds(w1, member)))
	if v := d.Rulings[1].Verdict; v.Outcome != roleset.Conflict || v.Winner != "team/a" {
		t.Errorf("the planner's verdict is the ruling's, got %+v", v)
	}
}
