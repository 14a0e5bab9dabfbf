package decision

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

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
		"ClaimedByAnother": {
			reason: "A role that another binding has its claim on is known to be that one's.",
			parts:  of(binding("a").finalized().deleting(), binding("b").claimed(1), holds(w1, member)), want: "None, release; Want",
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
		"TokenGoneToOthers": {
			reason: "Nor is it deleted because somebody says so who was never allowed to see it.",
			parts: of(binding("a").claimed(1).deleting(), presence(Gone), token(func(o *Observation) {
				o.Unproven = map[string]bool{connection("acme").ID: true}
			})),
			want: "Hold ListIncomplete",
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
		"AdoptedAndEdited": {
			reason: "The role that would go is what the rules are asked about, and not what the spec was edited to since.",
			parts:  of(binding("a").role(owner).adopted(1).role(member).deleting().through("acme", onlyRole(member)), holds(w1, owner)), want: "Hold RoleNotAllowed, withdrawn",
		},
		"AdoptedAndRefused": {
			reason: "So it goes where the edit is what they refuse.",
			parts:  of(binding("a").adopted(1).role(owner).deleting().through("acme", onlyRole(member)), holds(w1, member)), want: "Leave",
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
		"NothingOfAPartialRead": {
			reason: "Where the own-scope role is not shown, neither need the role be.",
			parts:  of(binding("a").recovered(old).deleting(), readByID, ownScopeHidden), want: "Hold OwnScopeRoleProtected",
		},
		"OtherRoleOfAPartialRead": {
			reason: "What is shown is there.",
			parts:  of(binding("a").recovered(old).deleting(), ownScopeHidden, holds(w1, owner), readByID), want: "None, release",
		},
		"Staying": {
			reason: "A binding that stays has its entry's claim.",
			parts:  of(binding("a").recovered(fresh)), want: "Want",
		},
	}.check(t)
}

// TestMissedOrphans: what an orphan may have left behind is counted, and nothing else is.
func TestMissedOrphans(t *testing.T) {
	old := now.Add(-10 * time.Second)
	for name, c := range map[string]struct {
		reason string
		parts  []part
		want   bool
	}{
		"OtherRole":  {"An edit of the binding may have asked for it.", of(binding("a").recovered(old).orphan(), holds(w1, owner), readByID), true},
		"NothingIs":  {"Nothing is left.", of(binding("a").recovered(old).orphan(), readByID), false},
		"ToStay":     {"It stays on purpose.", of(binding("a").recovered(old).orphan().annotated(v1alpha1.AnnotationRelease, "true"), holds(w1, owner), readByID), false},
		"Heir":       {"Another binding has it.", of(binding("a").recovered(old).orphan(), binding("b").role(owner).claimed(2), holds(w1, owner), readByID), false},
		"HeirLeaves": {"Another binding had it.", of(binding("a").recovered(old).orphan(), binding("b").role(member).claimed(2).orphan(), holds(w1, member), readByID), false},
		"NotOrphan":  {"A binding that is there says so itself.", of(binding("a").recovered(old).deleting(), holds(w1, owner), readByID), false},
	} {
		t.Run(name, func(t *testing.T) {
			s := situation(c.parts...)
			d := Decide(s)
			if got := s.missed(&s.Bindings[0], d.Rulings[0]); got != c.want {
				t.Errorf("%s missed: %t", c.reason, got)
			}
		})
	}
}

// A process that has just begun does not know what a read must show.
func TestAReadAfterTheStartMayBeBehind(t *testing.T) {
	began := now.Add(-settleTime - time.Second)
	started := with(func(s *Situation) { s.Began = began })
	for name, c := range map[string]struct {
		reason string
		given  *bindingBuilder
		at     time.Time
		want   bool
	}{
		"Given":    {"The status says that the role was in place.", binding("a").claimed(1), now, false},
		"Later":    {"No replica is behind for as long.", binding("a").claimed(1), began.Add(replicaLag), true},
		"NotGiven": {"Of one that never had it no read shows more.", binding("a").claimed(1).edit(func(b *v1alpha1.ScopedTokenBinding) { b.Status.Claim.GrantedRole = "" }), now, true},
	} {
		s := situation(c.given.deleting(), started)
		s.Token.ByID, s.Now = true, c.at
		differ(t, name+": "+c.reason, "conclusive", c.want, s.conclusive(&s.Bindings[0]))
	}
}
