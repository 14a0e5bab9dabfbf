package decision

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// release is how the message ends of a binding that cannot be let go.
const release = `set the annotation ` + v1alpha1.AnnotationRelease + ` to "true" to let the binding go without revoking the role`

// concluded is the ruling on a binding once nothing more is done for it in this reconcile.
func (p Progress) concluded(i int, refused map[roleset.Target]*fault.Fault) Ruling {
	s, r := &p.Situation, p.Decision.Rulings[i]
	b := &s.Bindings[i]
	if r.Fault == nil || r.enforced() == roleset.Leave {
		if f := p.verdictFault(i, refused); f != nil {
			r.Fault = f
		}
	}
	if r.enforced() == roleset.Leave {
		out := r.Verdict.Outcome
		unseen := p.unconfirmedFault(i) != nil
		kept := out == roleset.Kept && p.inherited(r.Verdict.Winner)
		switch {
		case s.Token.ByID && !unseen && (out == roleset.Gone || kept && !p.unproven(i)) && !p.mayArrive(i):
			r.Release = true
		case r.Fault != nil:
		case (b.Deleting() || r.Expired) && kept && p.unproven(i):
			r.Fault = fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonRevoking,
				"%s keeps the role, through a connection whose API token was never seen to write this token and could not be tried, "+
					"as while it is in mode Observe or not Ready; the role is not revoked until it has shown whether it may, or the other binding is gone",
				p.bindingWords(i, r.Verdict.Winner))
		default:
			r.Fault = notReleased(b, r)
		}
	}
	if p.outdone(i, r) {
		r.Release, r.Fault = true, nil
	}
	if b.Deleting() && !b.Undeclared && r.Fault != nil && r.Fault.Reason != v1alpha1.ReasonRevoking && r.Fault.Reason != v1alpha1.ReasonPinLost {
		r.Fault = r.Fault.With("; the role is not revoked until then: " + release)
	}
	return r
}

// outdone reports whether a binding that cannot give its role up itself has nothing left to give up: another has the role, or it is gone.
func (p Progress) outdone(i int, r Ruling) bool {
	b := &p.Situation.Bindings[i]
	held := b.Deleting() && r.Class == roleset.Hold
	return (r.Overruled || held && b.Orphan) && p.succeeded(i) || held && p.empty(i)
}

// succeeded reports whether another binding, which stays, holds the claim on a place by now, through a credential that was seen to
// write the token. Any other might keep a role that it could neither have given nor take away.
func (p Progress) succeeded(i int) bool {
	s, place := &p.Situation, p.Situation.entry(&p.Decision, i)
	for j := range s.Bindings {
		b := &s.Bindings[j]
		if j == i || b.Deleting() || s.entry(&p.Decision, j) != place || p.Decision.Rulings[j].Class != roleset.Want {
			continue
		}
		if s.Memory.Writers[b.Connection.Credential] && p.inherited(b.ID()) {
			return true
		}
	}
	return false
}

// empty reports whether Astro is known to hold no role in the place of a binding.
func (p Progress) empty(i int) bool {
	s := &p.Situation
	place := s.entry(&p.Decision, i)
	return s.Token.Presence == Present && s.Token.ByID && s.conclusive(&s.Bindings[i]) && s.roleOn(place) == "" && !s.partial(place)
}

// missed reports whether an orphan is done with although Astro holds another role in its place than the journal knows, and no other
// binding claims the place: an edit of the binding may have asked for it, or somebody else.
func (s *Situation) missed(b *Binding, r Ruling) bool {
	if !b.Orphan || !r.Release || b.Recovered.IsZero() || b.MayStay() || s.roleOn(b.entry(nil)) == "" {
		return false
	}
	return !slices.ContainsFunc(s.Bindings, func(o Binding) bool { return !o.Deleting() && o.Claim != nil && o.entry(nil) == b.entry(nil) })
}

// notReleased is said by a binding that is to go, or whose time is over, and whose role is not known to be gone.
func notReleased(b *Binding, r Ruling) *fault.Fault {
	switch {
	case r.Expired && !b.Deleting():
		return overdue(r)
	case !b.Deleting():
		return nil
	case r.withheld() && r.Verdict.Outcome != roleset.Gone:
		return observedDeletion(b, r)
	}
	return fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonRevoking, "the role is not yet known to be gone; the operator looks again")
}

// observedDeletion is said by a binding that is deleted and whose connection observes: it waits, so that its role is neither
// taken away nor forgotten.
func observedDeletion(b *Binding, r Ruling) *fault.Fault {
	words := "so the binding waits"
	if plan := planned(b, r); plan != "" {
		words = fmt.Sprintf("mode Enforce would %s on %s", plan, b.TargetWords())
	}
	return fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonWouldChange,
		"%s is in mode Observe, through which nothing is revoked; %s", b.Connection.Words, words)
}

// inherited reports whether the status of the binding that keeps a role holds its claim, since before or by now.
func (p Progress) inherited(winner string) bool {
	i, known := p.Decision.byID[winner]
	if !known {
		return false
	}
	b := &p.Situation.Bindings[i]
	if b.Claim != nil && !b.Journaled {
		return true
	}
	told := p.reported[b.Object.UID] && !p.unwritten[b.Object.UID]
	return told && p.statement(i, p.concluded(i, p.refusals())).holds()
}

func (p Progress) statement(i int, r Ruling) Statement {
	s := &p.Situation
	b := &s.Bindings[i]
	done, changed := s.Done[b.Object.UID]
	st := Statement{
		UID: b.Object.UID, Object: b.Object, Orphan: b.Orphan, Undeclared: b.Undeclared, Changed: changed, Stays: b.MayStay(),
		Release: r.Release && b.Deleting(),
		Gives:   s.Pending[b.Object.UID].Given || b.Journaled,
		Revoked: changed && r.Class == roleset.Leave, Kept: r.Verdict.Outcome == roleset.Kept || r.Overruled && r.Release, Missed: s.missed(b, r),
	}
	leaves := s.leavesClaim(b, r)
	st.Left = !b.Deleting() && leaves && !r.Rebind && !r.Retarget
	st.Release = st.Release || st.Left && b.finalized() || s.lingers(b, r)
	if refused := p.unreleased[st.UID]; refused != nil {
		return p.unreleasedStatement(i, st, r, refused)
	}
	if b.Orphan && r.Fault != nil {
		st.Why = r.Fault.Message
	}
	if st.Release && b.outlives() {
		return p.outlivingStatement(i, st, r)
	}
	if b.Orphan || (b.Deleting() && st.Release) || !p.without(i, r) && b.unchanged(r, leaves) {
		return st
	}
	if s.unrestorable(b, r) {
		r.Fault = r.Fault.With(fmt.Sprintf("; the token does not hold %s meanwhile, and is given it again afterwards", b.Role()))
	}
	st.Status = s.statusOf(b, r, p.entered(i, r), done, changed)
	fault.SetWarnings(&st.Status.Conditions, p.warnings(i, r), b.Object.Generation, metav1.NewTime(s.Now))
	st.Write = true
	return st
}

// lingers reports whether a binding that stays has given its claim up, as its status says, and kept the finalizer: the process
// ended between the two.
func (s *Situation) lingers(b *Binding, r Ruling) bool {
	_, pending := s.Pending[b.Object.UID]
	claim := b.Object.Status.Claim
	return !b.Deleting() && b.finalized() && r.Class == roleset.None && b.Claim == nil && !b.Journaled && !pending &&
		claim != nil && claim.UID == b.Object.UID && claim.State == v1alpha1.ClaimReleased
}

// unreleasedStatement is what a binding is told that is deleted and cannot be let go. What it held is given up where the role
// is gone, so that nobody takes it for granted, or looks for it again.
func (p Progress) unreleasedStatement(i int, st Statement, r Ruling, refused *fault.Fault) Statement {
	var claim *enteredClaim
	b := &p.Situation.Bindings[i]
	if st.Stays && !b.outlives() { // one that outlives this gave its claim up before
		claim = p.entered(i, r)
	}
	r.Fault, st.Release = refused, false
	st.Status, st.Write = p.Situation.statusOf(b, r, claim, Done{}, false), true
	return st
}

// outlivingStatement is what a binding is told that is let go and that other finalizers keep: it gives its claim up. Else it would
// go on counting, and take away whatever comes to its place later.
func (p Progress) outlivingStatement(i int, st Statement, r Ruling) Statement {
	b := &p.Situation.Bindings[i]
	r.Fault = fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonRevoking,
		"the operator has let the binding go, and nothing that happens in Astro concerns it any more; it is still there because of finalizers of others: %s",
		text.Clip(strings.Join(b.otherFinalizers(), ", "), text.MostName))
	st.Status, st.Write = p.Situation.statusOf(b, r, nil, Done{}, false), true
	return st
}

// entered is the claim that the status is to hold; nil if it holds none.
func (p Progress) entered(i int, r Ruling) *enteredClaim {
	b := &p.Situation.Bindings[i]
	inSync := r.Class == roleset.Want && r.Verdict.Outcome == roleset.InSync
	claim, takes := p.Decision.claims[i] // as decided on the last read, which may have shown another origin
	switch pending := p.Situation.Pending[b.Object.UID]; {
	case b.Claim != nil && (b.Recovered.IsZero() || inSync || p.Situation.showsClaim(b)):
		claim = *b.Claim
		if pending.Journaled { // it was entered anew, on other terms
			claim = pending.Claim
		}
	case pending.Given:
		claim = pending.Claim
	case b.Claim != nil || !takes || !inSync || !b.finalized() || p.lostFor(i):
		return nil
	}
	return &enteredClaim{
		at: claim.ClaimedAt, host: claim.Host, origin: claim.Origin, previous: claim.PreviousRole, granted: p.granted(i, r, claim.ClaimedAt),
	}
}

// granted is the role that was last in place under the claim of that time: the spec's where it is there, or the one that the
// journal tells of. A claim taken anew begins with nothing.
func (p Progress) granted(i int, r Ruling, claimedAt time.Time) string {
	s := &p.Situation
	b := &s.Bindings[i]
	switch {
	case r.Class == roleset.Want && r.Fault == nil:
		return b.Role()
	case b.Claim == nil || !b.Claim.ClaimedAt.Equal(claimedAt):
		return ""
	case b.Journaled && s.showsClaim(b):
		return b.Claim.Role
	case r.Class == roleset.Want && r.Verdict.Outcome == roleset.Conflict || p.changedForAnother(i):
		return "" // no stranger has changed it
	}
	return b.granted()
}

// changedForAnother reports whether Astro holds what another binding in the same place wants, and not what this one was granted.
func (p Progress) changedForAnother(i int) bool {
	s, place := &p.Situation, p.Situation.entry(&p.Decision, i)
	granted := s.Bindings[i].granted()
	if granted == "" || s.Token.Presence != Present || s.roleOn(place) == granted {
		return false
	}
	for j := range s.Bindings {
		if r := &p.Decision.Rulings[j]; r.Class == roleset.Want && s.Bindings[j].Role() == s.roleOn(place) && s.entry(&p.Decision, j) == place {
			return true
		}
	}
	return false
}

// lostFor reports whether nobody could read the token for the binding.
func (p Progress) lostFor(i int) bool {
	return p.Situation.Lost[p.Situation.Bindings[i].Connection.ID] != nil
}

// unchanged reports whether the status is left as it is. While Astro or the connection is out of reach that goes for
// every binding that was up to date: the trouble shows on the connection, not as a status write a binding. So it does for one that
// waits for the revocation limit, which would be thought to be over if nobody said any more that he waits for it.
func (b *Binding) unchanged(r Ruling, leaves bool) bool {
	if leaves {
		return false
	}
	if r.Fault == nil {
		return b.Deleting() && r.Class == roleset.None
	}
	upToDate := b.UpToDate() && (!r.Expired || b.Claim == nil) // a role that outlives its time is not as declared
	return r.Fault.Silent || r.Fault.Transient && (upToDate || b.Looked() && pin.Limited(b.Object))
}
