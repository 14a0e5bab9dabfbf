package decision

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// Removal is a role that no binding declares and that an inventory was confirmed to remove.
type Removal struct {
	Inventory       types.UID
	Namespace, Name string // of the inventory
	Connection      v1alpha1.ConnectionReference
	Target          v1alpha1.TargetReference // by its id
	Role            string
	Confirmed       string // the value by which it was confirmed
}

// judgeUndeclared classifies a role that no binding declares and that an inventory was confirmed to remove. Nobody holds it, so
// that the removal is over, and the role stays, as soon as anything speaks against it. What may pass is waited for.
func (s *Situation) judgeUndeclared(b *Binding, r *Ruling) (roleset.Class, *fault.Fault) {
	if wait, over := s.blocksRemoval(b); wait != nil || over {
		r.Release = over
		return roleset.None, wait
	}
	var lookup *fault.Fault
	r.Target, lookup = b.target()
	if lookup != nil && lookup.Transient {
		return roleset.None, lookup
	}
	if !s.mayRemove(b, r) {
		r.Release = true
		return roleset.None, nil
	}
	return roleset.Leave, nil
}

// blocksRemoval is what keeps the operator from looking, or ends the removal. The last good credential of a connection that is not
// Ready does not count here: nothing was granted with it.
func (s *Situation) blocksRemoval(b *Binding) (wait *fault.Fault, over bool) {
	c, f := &b.Connection, s.unreachable(b)
	presence := s.presenceTo(b)
	switch {
	case c.Object == nil, c.Deleting, c.observes(), f != nil && f.Status == metav1.ConditionFalse:
		return nil, true
	case f != nil:
		return f, false
	case !c.Ready:
		return fault.CouldNotCheck(v1alpha1.ConditionAccepted, v1alpha1.ReasonConnectionNotReady, "%s is not ready (%s); see its status", c.Words, c.Reason), false
	case b.LabelsErr != nil:
		return fault.CouldNotCheck(v1alpha1.ConditionAccepted, v1alpha1.ReasonUnreachable, "read the namespace: %v", b.LabelsErr), false
	case presence == Gone:
		return nil, true
	case presence != Present:
		return s.notSeen(b), false
	}
	return nil, false
}

// mayRemove reports whether the token holds the very role that was confirmed, nothing protects it, no binding speaks of it in
// whatever state, and the rules allow its removal.
func (s *Situation) mayRemove(b *Binding, r *Ruling) bool {
	place := b.entry(nil)
	switch {
	case s.roleOn(place) != b.Claim.Role, !Removable(s.Token.Token, place.Key()):
		return false
	case s.selfProtected(b):
		return false
	case slices.ContainsFunc(s.Bindings, func(o Binding) bool { return !o.Undeclared && o.speaksOf(place) }):
		return false
	}
	ask := policy.Request{Subject: subject(b), Token: s.realFacts(), Target: targetFacts(b, r.Target), Role: b.Claim.Role}
	return policy.CheckInventory(b.Connection.Object, ask.Subject, ask.Target).Allowed && policy.MayRemove(b.Connection.Object, ask)
}

// speaksOf reports whether the binding means the place, as far as its target is known.
func (b *Binding) speaksOf(place roleset.Target) bool {
	found, _ := b.target()
	return b.entry(found) == place || b.entry(nil) == place
}

// Removable reports whether a role that no binding declares is one that could be removed from the token, as far as Astro goes: not
// its own-scope role, not one of several in the same place, of which the list tells one, and none that Astro may have put there by
// itself, since the token holds roles inside of the place. A token that no binding can name is left alone.
func Removable(t astro.Token, on astro.RoleKey) bool {
	role := t.RoleOn(on)
	elsewhere := func(r astro.Role) bool { return r.Key() != on }
	own := func(r astro.Role) bool { return string(r.EntityType) == string(t.Scope) }
	inside := func(r astro.Role) bool {
		return r.EntityType != astro.EntityOrganization && r.EntityType != astro.EntityWorkspace && r.EntityType != on.EntityType
	}
	switch {
	case role == "", !t.RolesKnown, t.Kind != astro.KindStandard, string(on.EntityType) == string(t.Scope), !slices.ContainsFunc(t.Roles, own):
		return false
	case t.Scope != astro.ScopeOrganization && t.Scope != astro.ScopeWorkspace:
		return false
	case len(slices.DeleteFunc(slices.Clone(t.Roles), elsewhere)) > 1: // they would go together
		return false
	}
	return role != accessorRole(on.EntityType) || !slices.ContainsFunc(t.Roles, inside)
}

// accessorRole is the role that Astro puts by itself on a target of the kind.
func accessorRole(kind astro.EntityType) string { return string(kind) + "_ACCESSOR" }
