package decision

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
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
		"NeverClaimed": {
			reason: "What was never held cannot be withdrawn.",
			parts:  of(binding("a").through("acme", forbid, withdrawing), holds(w1, member)), want: "None RoleNotAllowed",
		},
		"EditedToAForbiddenRole": {
			reason: "A binding edited to a role that it may not have keeps the one that it may.",
			parts:  of(binding("a").role(owner).claimed(1).role(member).edited().through("acme", forbid, withdrawing), holds(w1, owner)),
			want:   "Hold RoleNotAllowed",
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

func TestJudgeOfDeletion(t *testing.T) {
	down := func(c *Connection) { c.Ready = false }
	rulings{
		"Revoked": {
			reason: "What was given goes.",
			parts:  of(binding("a").claimed(1).deleting(), holds(w1, member)), want: "Leave",
		},
		"SuspendedIsDeletedAllTheSame": {
			reason: "Suspending does not hold a deletion up.",
			parts:  of(binding("a").claimed(1).suspended().deleting(), holds(w1, member)), want: "Leave",
		},
		"Retained": {
			reason: "A role that is to stay stays, and nothing is waited for.",
			parts: of(binding("a").claimed(1).deleting().through("acme", func(c *Connection) { c.Object = nil }).
				edit(func(o *v1alpha1.ScopedTokenBinding) { o.Spec.DeletionPolicy = v1alpha1.DeletionRetain })),
			want: "None, release",
		},
		"Released": {
			reason: "Nor where the user lets it go by annotation.",
			parts:  of(binding("a").claimed(1).deleting().annotated(v1alpha1.AnnotationRelease, "true"), presence(Unseen)), want: "None, release",
		},
		"ReleasedWithAnotherWord": {
			reason: "Any other value says nothing.",
			parts:  of(binding("a").claimed(1).deleting().annotated(v1alpha1.AnnotationRelease, "yes"), holds(w1, member)), want: "Leave",
		},
		"Observing": {
			reason: "Observe writes nothing, on deletion either.",
			parts:  of(binding("a").claimed(1).observing().deleting(), holds(w1, member)), want: "None, release",
		},
		"NeverClaimed": {
			reason: "Without a claim there is nothing to revoke.",
			parts:  of(binding("a").seen().finalized().deleting(), holds(w1, member)), want: "None, release",
		},
		"NeverClaimedWithoutConnection": {
			reason: "And nothing to wait for.",
			parts:  of(binding("a").finalized().deleting().through("acme", func(c *Connection) { c.Object = nil })), want: "None, release",
		},
		"NotOurs": {
			reason: "Without our finalizer the object is none of our business.",
			parts:  of(binding("a").deleting()), want: "None",
		},
		"PinLost": {
			reason: "Where nobody ever looked and the role is there, the record of the claim may have been lost.",
			parts:  of(binding("a").finalized().deleting(), holds(w1, member)), want: "None PinLost",
		},
		"PinLostStays": {
			reason: "It stays so once it was told.",
			parts: of(binding("a").seen().finalized().deleting().but(func(b *Binding) {
				c := meta.FindStatusCondition(b.Object.Status.Conditions, v1alpha1.ConditionResolved)
				c.Status, c.Reason = metav1.ConditionFalse, v1alpha1.ReasonPinLost
			}), holds(w1, member)), want: "None PinLost",
		},
		"PinLostOfAnotherRole": {
			reason: "Another role is not the binding's.",
			parts:  of(binding("a").finalized().deleting(), holds(w1, owner)), want: "None, release",
		},
		"PinLostNotKnownYet": {
			reason: "Whether it may is only known once its connection was looked at.",
			parts:  of(binding("a").finalized().deleting().through("acme", func(c *Connection) { c.Host = "" }), holds(w1, member)), want: "None ConnectionNotReady",
		},
		"PinLostForbidden": {
			reason: "What the rules do not allow the binding cannot have given.",
			parts:  of(binding("a").finalized().deleting().through("acme", onlyRole(owner)), holds(w1, member)), want: "None, release",
		},
		"TokenGone": {
			reason: "With the token the role is gone.",
			parts:  of(binding("a").claimed(1).deleting(), presence(Gone)), want: "None, release",
		},
		"TokenAbsent": {
			reason: "Absence is not deletion.",
			parts:  of(binding("a").claimed(1).deleting(), presence(Absent)), want: "Hold ListIncomplete",
		},
		"TokenUnseen": {
			reason: "Nor is it deleted because nobody could look.",
			parts:  of(binding("a").claimed(1).deleting(), presence(Unseen)), want: "Hold Unreachable",
		},
		"TokenHidden": {
			reason: "What others see this connection cannot revoke.",
			parts: of(binding("a").claimed(1).deleting(), holds(w1, member), token(func(o *Observation) {
				o.HiddenFrom = map[string]bool{connection("acme").ID: true}
			})),
			want: "Hold ListIncomplete",
		},
		"ConnectionNotReady": {
			reason: "What was granted with a credential that is no longer in its Secret can be revoked with it.",
			parts:  of(binding("a").claimed(1).deleting().through("acme", down), holds(w1, member)), want: "Leave",
		},
		"ConnectionNotCallable": {
			reason: "Without any credential it waits.",
			parts:  of(binding("a").claimed(1).deleting().through("acme", down, func(c *Connection) { c.Callable = false }), holds(w1, member)),
			want:   "Hold ConnectionNotReady",
		},
		"Credential": {
			reason: "The token became the credential of the connection.",
			parts:  of(binding("a").claimed(1).deleting(), holds(w1, member), token(func(o *Observation) { o.Protected = true })), want: "Hold SelfProtected",
		},
		"CreatedAsksNoRule": {
			reason: "Removing what the operator gave needs no rule.",
			parts:  of(binding("a").claimed(1).deleting().through("acme", onlyRole(owner)), holds(w1, member)), want: "Leave",
		},
		"AdoptedAsksTheRules": {
			reason: "Removing what it found there does.",
			parts:  of(binding("a").adopted(1).deleting().through("acme", onlyRole(owner)), holds(w1, member)), want: "Hold RoleNotAllowed, withdrawn",
		},
		"AdoptedAllowed": {
			reason: "Where they allow it, it goes.",
			parts:  of(binding("a").adopted(1).deleting(), holds(w1, member)), want: "Leave",
		},
		"Orphan": {
			reason: "An object that is gone with its claim is as one that is being deleted.",
			parts:  of(binding("a").claimed(1).orphan(), holds(w1, member)), want: "Leave",
		},
	}.check(t)
}

func TestJudgeOfRecoveredClaims(t *testing.T) {
	fresh, old := now.Add(-9*time.Second), now.Add(-10*time.Second)
	rulings{
		"VeryRole": {
			reason: "Astro holds the very role of the entry: it is revoked.",
			parts:  of(binding("a").recovered(old).deleting(), holds(w1, member)), want: "Leave",
		},
		"OtherRole": {
			reason: "Another role is somebody else's.",
			parts:  of(binding("a").recovered(old).deleting(), holds(w1, owner), readByID), want: "None, release",
		},
		"NothingYet": {
			reason: "A lost write may still arrive.",
			parts:  of(binding("a").recovered(fresh).deleting()), want: "Hold Revoking, uncertain",
		},
		"NothingAfterAWhile": {
			reason: "After ten seconds it does not.",
			parts:  of(binding("a").recovered(old).deleting(), readByID), want: "None, release",
		},
		"Staying": {
			reason: "A binding that stays has its entry's claim.",
			parts:  of(binding("a").recovered(fresh)), want: "Want",
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

func TestJudgeOfTheToken(t *testing.T) {
	expired := now.Add(-time.Second)
	rulings{
		"Unseen":          {"Nobody could look.", of(binding("a"), presence(Unseen)), "None Unreachable"},
		"UnseenAndTold":   {"Why nobody could look is said.", of(binding("a"), presence(Unseen), token(func(o *Observation) { o.NotRead = fault.FromAstroError("Resolved", "x", errThrottled) })), "None RateLimited"},
		"AbsentToANewOne": {"A token that was never found is not found.", of(binding("a"), presence(Absent)), "None TokenNotFound"},
		"AbsentToAClaim":  {"One that was is not taken for gone.", of(binding("a").claimed(1), presence(Absent)), "Hold ListIncomplete"},
		"GoneByID":        {"A token that is gone, declared by its id.", of(binding("a").claimed(1), presence(Gone)), "Hold TokenNotFound"},
		"GoneByName":      {"And by its name, which nobody has now.", of(binding("a").named("ci").claimed(1), presence(Gone)), "Hold TokenNotFound"},
		"Hidden": {
			"The others show it, this connection does not.",
			of(binding("a"), token(func(o *Observation) { o.HiddenFrom = map[string]bool{connection("acme").ID: true} })), "None TokenNotFound",
		},
		"Replaced":  {"A token made again under the name is not taken unasked.", of(replaced("t2")), "Hold TokenReplaced"},
		"Confirmed": {"Once the user confirms it, the old one is left.", of(confirmed("t2", "t2")), "Hold TokenReplaced, rebind"},
		"ConfirmedOther": {
			"To confirm another one is to confirm nothing.", of(confirmed("t3", "t2")), "Hold TokenReplaced",
		},
		"ConfirmedAmbiguous": {"Two of the name cannot be told apart.", of(confirmed("t2", "t2", "t3")), "Hold TokenNotFound"},
		"NamesUnknown":       {"A name that could not be looked up says nothing.", of(confirmed("t2").but(func(b *Binding) { b.Names.Err = errLost })), "Hold Unreachable"},
		"OfADeployment": {
			"Deployment tokens cannot be bound.", of(binding("a"), token(func(o *Observation) { o.Token.Scope = astro.ScopeDeployment })), "None TokenNotFound",
		},
		"WrongScope": {"The token is of another scope than the binding says.", of(binding("a").on(d1), workspaceToken(w1)), "None TokenScopeMismatch"},
		"OddKind":    {"Only ordinary tokens can be bound.", of(binding("a"), token(func(o *Observation) { o.Token.Kind = "AGENT" })), "None TokenKindUnsupported"},
		"Expired":    {"An expired token is of no use.", of(binding("a"), token(func(o *Observation) { o.Token.EndAt = &expired })), "None TokenExpired"},
		"ExpiresNow": {"It has expired at the very moment.", of(binding("a"), token(func(o *Observation) { o.Token.EndAt = &now })), "None TokenExpired"},
		"Protected":  {"The credential of a cluster connection is nobody's to change.", of(binding("a"), token(func(o *Observation) { o.Protected = true })), "None SelfProtected"},
		"OwnCredential": {
			"That of a connection is not changed through it, but through another.",
			of(binding("a"), binding("b").through("other"), token(func(o *Observation) { o.CredentialOf = []string{connection("acme").ID} })),
			"None SelfProtected; Want",
		},
		"HomeOfAWorkspaceToken":      {"It works in its own Workspace.", of(ofWorkspace(binding("a").on(d1), ""), workspaceToken(w1)), "Want"},
		"OutsideHome":                {"And only there.", of(ofWorkspace(binding("a").on(d3), ""), workspaceToken(w1)), "None TokenScopeMismatch"},
		"OtherHomeThanSaid":          {"It was made elsewhere than the binding says.", of(ofWorkspace(binding("a").on(d1), "w2"), workspaceToken(w1)), "None TokenScopeMismatch"},
		"OrganizationTokenAnywhere":  {"An Organization token works everywhere.", of(binding("a").on(d3)), "Want"},
		"ExpiredButSuspended":        {"What the user asked for comes before what is wrong.", of(binding("a").suspended(), token(func(o *Observation) { o.Token.EndAt = &expired })), "None Suspended"},
		"ExpiredButForbidden":        {"The rules come before anything else.", of(binding("a").through("acme", onlyRole(owner)), token(func(o *Observation) { o.Token.EndAt = &expired })), "None RoleNotAllowed"},
		"ExpiredToBeRevoked":         {"An expired token is cleaned up all the same.", of(binding("a").claimed(1).deleting(), holds(w1, member), token(func(o *Observation) { o.Token.EndAt = &expired })), "Leave"},
		"DeploymentWithoutWorkspace": {"Where the target is not known yet the home cannot be compared.", of(ofWorkspace(binding("a").on(d1).but(func(b *Binding) { b.Target = TargetFinding{} }), ""), workspaceToken(w1)), "Want"},
	}.check(t)
}

// ofWorkspace makes the binding one of a Workspace token.
func ofWorkspace(x *bindingBuilder, home v1alpha1.AstroID) *bindingBuilder {
	x.b.Object.Spec.Token.Scope, x.b.Object.Spec.Token.WorkspaceID = v1alpha1.ScopeWorkspace, home
	return x
}

type gone struct{ *bindingBuilder }

// into puts the binding into a situation in which the token is gone.
func (g gone) into(s *Situation) {
	presence(Gone).into(s)
	g.bindingBuilder.into(s)
}

func (g gone) but(edit func(*Binding)) gone { return gone{g.bindingBuilder.but(edit)} }

// replaced is a binding whose token is gone, and whose name those tokens have.
func replaced(ids ...string) gone {
	return gone{binding("a").named("ci").claimed(1).but(func(b *Binding) {
		for _, id := range ids {
			b.Names.Tokens = append(b.Names.Tokens, astro.Token{ID: id, Name: "ci"})
		}
	})}
}

// confirmed is one whose user has confirmed the token.
func confirmed(id string, ids ...string) gone {
	g := replaced(ids...)
	g.annotated(v1alpha1.AnnotationConfirmToken, id)
	return g
}

func TestDecideIsAsRoleset(t *testing.T) {
	d := Decide(situation(binding("a").claimed(1), binding("b").role(owner), holds(w1, member)))
	if v := d.Rulings[1].Verdict; v.Outcome != roleset.Conflict || v.Winner != "team/a" {
		t.Errorf("the planner's verdict is the ruling's, got %+v", v)
	}
}
