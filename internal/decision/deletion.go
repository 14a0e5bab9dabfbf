package decision

import (
	"cmp"
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// judgeDeleting classifies a binding that is being deleted. Its finalizer goes when its role is known to be gone, or is to
// stay; whatever stands in the way is said, and waited for.
func (s *Situation) judgeDeleting(b *Binding, r *Ruling) (roleset.Class, *fault.Fault) {
	switch {
	case b.Undeclared:
		return s.judgeUndeclared(b, r)
	case b.Claim == nil && !b.finalized():
		return roleset.None, nil
	case b.MayStay():
		r.Release = true
		return roleset.None, nil
	case b.Claim == nil:
		return s.judgeUnclaimed(b, r)
	}
	if f := s.unreachable(b); f != nil {
		return onHold(b), f
	}
	switch s.presenceTo(b) {
	case Gone:
		r.Release = true
		return roleset.None, nil
	case Unseen, Absent:
		return onHold(b), s.notSeen(b)
	case Present:
	}
	if s.selfProtected(b) {
		return onHold(b), s.selfProtection(b)
	}
	if !b.Recovered.IsZero() {
		return s.judgeRecovered(b, r)
	}
	return s.judgeRevocation(b, r)
}

// judgeUnclaimed classifies a binding that is being deleted and holds nothing: there is nothing to revoke. Only where
// nobody ever looked at it, and the role that it declares is there, may the record of its claim have been lost.
func (s *Situation) judgeUnclaimed(b *Binding, r *Ruling) (roleset.Class, *fault.Fault) {
	if b.mayBeLost() && b.Connection.unknown() {
		return roleset.None, s.unreachable(b)
	}
	r.Target, _ = b.target()
	lost := b.mayBeLost() && s.unreachable(b) == nil && s.presenceTo(b) == Present &&
		s.roleOn(b.entry(r.Target)) == b.Role() && !s.claimedByAnother(b, r.Target) && s.forbidden(b, r) == nil
	if !lost {
		r.Release = true
		return roleset.None, nil
	}
	return roleset.None, fault.NotTrue(v1alpha1.ConditionResolved, v1alpha1.ReasonPinLost,
		"the token holds %s on %s, and nothing says whether this binding gave it; revoke it by hand if need be, then set the annotation %s to \"true\"",
		b.Role(), b.TargetWords(), v1alpha1.AnnotationRelease)
}

// claimedByAnother reports whether another binding has its claim on the place, so that the role there is known to be its.
func (s *Situation) claimedByAnother(b *Binding, t *astro.Target) bool {
	place := b.entry(t)
	return slices.ContainsFunc(s.Bindings, func(other Binding) bool {
		return other.Object.UID != b.Object.UID && other.Claim != nil && other.entry(nil) == place
	})
}

// judgeRecovered classifies a binding being deleted whose claim only the journal knows: Astro may or may not have been
// given the role. It is revoked only if Astro holds that very role, and what Astro does not hold counts only once it was
// read by id so late that no write can still arrive.
func (s *Situation) judgeRecovered(b *Binding, r *Ruling) (roleset.Class, *fault.Fault) {
	switch held := s.roleOn(b.entry(nil)); {
	case held == b.Claim.Role:
		return s.judgeRevocation(b, r)
	case !s.conclusive(b):
		r.Uncertain = true
		return onHold(b), fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonRevoking,
			"a write that gives the role may still be on its way to Astro; the operator looks again")
	case s.partial(b.entry(nil)):
		return onHold(b), ownScopeUnseen()
	default:
		r.Release = true
		return roleset.None, nil
	}
}

// judgeRevocation classifies a binding whose role is to be revoked. What the operator found there is put to the rules.
func (s *Situation) judgeRevocation(b *Binding, r *Ruling) (roleset.Class, *fault.Fault) {
	if created(b) {
		return roleset.Leave, nil
	}
	r.Target, _ = b.target() // the rules speak of the Workspace of a Deployment, if it can still be found
	ask := s.request(b, r)
	ask.Role = cmp.Or(b.granted(), ask.Role) // the role that would go, whatever the spec was edited to
	if b.Journaled {
		ask.Role = b.Claim.Role
	}
	if f := s.forbiddenTo(b, r, ask); f != nil {
		return onHold(b), f
	}
	return roleset.Leave, nil
}
