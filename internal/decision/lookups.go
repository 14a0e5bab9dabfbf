package decision

import (
	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
)

// Leads reports whether the binding's connection leads to the Organization of the key.
func (s *Situation) Leads(b *Binding) bool { return s.unreachable(b) == nil }

// NeedsToken reports whether the token of a binding that only names it has to be looked up.
func (s *Situation) NeedsToken(b *Binding) bool {
	return s.Leads(b) && b.Refused() == nil && (!b.Deleting() || b.mayBeLost())
}

// Misnamed reports whether nothing but its name says that the binding is this token's, which has another name by now.
func (s *Situation) Misnamed(b *Binding) bool {
	ref, err := pin.NameRefTo(s.Token.Token)
	return b.ByNameOnly() && (err != nil || ref != b.NameRef())
}

// NeedsNames reports whether it has to be looked up which tokens have the binding's name now: the one that had it is gone.
func (s *Situation) NeedsNames(b *Binding) bool {
	return s.presenceTo(b) == Gone && b.Object.Spec.Token.Name != "" && !b.Deleting() && b.Addressed() && s.unreachable(b) == nil
}

// NeedsTarget reports whether the binding's target has to be looked up now: its connection leads there, and it is not known
// from the status, or its role has to be restored. Of a binding that is deleted, the rules are asked about a target only
// where the role was adopted.
func (s *Situation) NeedsTarget(b *Binding) bool {
	return (b.NeedsTarget() || s.drifted(b)) && s.AsksForTarget(b)
}

// AsksForTarget reports whether anything hangs on the binding's target, and Astro can be asked for it.
func (s *Situation) AsksForTarget(b *Binding) bool {
	switch {
	case s.unreachable(b) != nil:
		return false
	case !b.Deleting():
		return b.Addressed()
	case b.Claim == nil:
		return b.mayBeLost()
	default:
		return !created(b) && !b.MayStay()
	}
}

// HintsAtTokens reports whether the message about a binding may hint at other tokens: where no token has its name, and
// where the rules do not allow it. Whether one has it then must not show.
func (s *Situation) HintsAtTokens(b *Binding) bool {
	if b.Deleting() || !b.ByNameOnly() || s.unreachable(b) != nil {
		return false
	}
	target, _ := b.target()
	if f := s.forbidden(b, &Ruling{Target: target}); f != nil {
		return f.Reason == v1alpha1.ReasonTokenNotAllowed
	}
	return s.presenceTo(b) != Present
}

// HintsAtTargets is HintsAtTokens for targets.
func (s *Situation) HintsAtTargets(b *Binding) bool {
	if b.Deleting() || b.TargetQuery().ID != "" || !b.Target.Looked || s.unreachable(b) != nil {
		return false
	}
	target, lookup := b.target()
	if f := s.forbidden(b, &Ruling{Target: target}); f != nil {
		return f.Reason == v1alpha1.ReasonTargetNotAllowed
	}
	return lookup != nil && lookup.Reason == v1alpha1.ReasonTargetNotFound
}
