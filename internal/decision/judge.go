package decision

import (
	"slices"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// judge decides how much say a binding's claim has: whether its role is wanted, on hold, leaving, or counts for nothing,
// and what stands in its way. Through a connection that observes nothing is wanted and nothing leaves: what is held stays
// as it is, and what was never held does not count.
func (s *Situation) judge(b *Binding) Ruling {
	r := s.judgeEnforced(b)
	if b.Connection.observes() && (r.Class == roleset.Want || r.Class == roleset.Leave) {
		r.Withheld, r.Class = r.Class, roleset.Hold
		r.Uncertain = r.Uncertain || r.Withheld == roleset.Want && s.open(b)
		if b.Claim == nil {
			r.Class = roleset.None
		}
	}
	return r
}

// judgeEnforced is judge for a connection that does not observe.
func (s *Situation) judgeEnforced(b *Binding) Ruling {
	var r Ruling
	if out, is := s.Out[b.Object.UID]; is {
		return Ruling{Class: onHold(b), Fault: out}
	}
	if b.Deleting() {
		r.Class, r.Fault = s.judgeDeleting(b, &r)
		return r
	}
	if b.expired(s.Now) {
		return s.judgeExpired(b)
	}
	if f := s.obstacle(b, &r); f != nil {
		r.Class, r.Fault = onHold(b), f
		loses := r.Withdrawn && losesByWithdrawal(b) || r.Retarget && b.Claim != nil && !b.Observes()
		if loses && !s.open(b) && !s.selfProtected(b) { // what stands there before Astro was given the role is somebody else's
			r.Class = roleset.Leave
		}
		r.Uncertain = r.Class == roleset.Hold && f.Stalls() && s.open(b)
		return r
	}
	if b.Observes() {
		return r
	}
	if b.entersFirst() {
		r.Class, r.Fault = onHold(b), fault.CouldNotCheck(v1alpha1.ConditionSynced, v1alpha1.ReasonPending,
			"the claim on %s is written to the status before its role is changed", b.Claim.Role)
		r.Uncertain = s.open(b)
		return r
	}
	drifted := s.Token.Presence == Present && s.roleOn(b.entry(r.Target)) != b.Role()
	if drifted && s.Memory.contended(b, s.Now) {
		r.Class, r.Fault = onHold(b), s.externalWriter(b, &r)
		return r
	}
	r.Class = roleset.Want
	r.Uncertain = b.Claim != nil && !b.Recovered.IsZero() && s.another(b.Claim)
	return r
}

// lapsed reports whether a claim that only the journal has came to nothing, and is not to be given any more as it stands there.
func (s *Situation) lapsed(b *Binding) bool {
	if !s.open(b) || b.Deleting() || !s.conclusive(b) {
		return false
	}
	return s.refusedClaim(b) || !s.partial(b.entry(nil)) && (b.entersFirst() || s.another(b.Claim) || s.heldBack(b))
}

// heldBack reports whether a binding is not given its role until somebody changes something.
func (s *Situation) heldBack(b *Binding) bool {
	f := s.obstacle(b, &Ruling{})
	return b.Connection.observes() || f != nil && f.Stalls()
}

// refusedClaim reports whether Astro has refused what the claim of a binding would give: nothing was given for it.
func (s *Situation) refusedClaim(b *Binding) bool {
	old, refused := s.Memory.refusal(b, b.entry(nil), b.Claim.Role)
	return refused && old.Unshown == 0
}

// withoutLapsed are the bindings without claims that came to nothing: they are taken anew.
func (s *Situation) withoutLapsed() []Binding {
	if !slices.ContainsFunc(s.Bindings, func(b Binding) bool { return s.lapsed(&b) }) {
		return s.Bindings
	}
	all := slices.Clone(s.Bindings)
	for i := range all {
		if s.lapsed(&all[i]) {
			all[i].Claim, all[i].Recovered = nil, time.Time{}
		}
	}
	return all
}
