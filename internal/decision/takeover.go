package decision

import (
	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// mayTakeOver reports whether the rules would let the binding declare the role that nobody declared and that Astro holds in
// its place. One that they would not is not the binding's to take away either, be it by a weaker role or by its deletion.
func (s *Situation) mayTakeOver(b *Binding, r *Ruling) bool {
	ask, place := s.request(b, r), b.entry(r.Target)
	if s.roleOn(place) == "" {
		return true
	}
	for _, role := range s.Token.Token.Roles { // Astro may show more than one in a place
		if role.Key() != place.Key() || role.Role == b.Role() {
			continue
		}
		if ask.Role = role.Role; !policy.Check(b.Connection.Object, ask).Allowed {
			return false
		}
	}
	return true
}

// restored reports whether the status, which came back with a restored object, says how this very role came about.
func (s *Situation) restored(b *Binding, r Ruling) bool {
	status := b.Object.Status
	return status.Origin != "" && status.OrganizationID == s.Key.Organization && status.Token.ID == s.Key.Token &&
		status.Target.ID != "" && status.Target.ID == b.targetID(r.Target) && s.roleOn(b.entry(r.Target)) == b.Role()
}

func adoptOf(p v1alpha1.AdoptPolicy) roleset.Adopt {
	switch p {
	case v1alpha1.AdoptNever:
		return roleset.AdoptNever
	case v1alpha1.AdoptIfSameRole:
		return roleset.AdoptIfSameRole
	default:
		return roleset.AdoptAlways
	}
}

// awaitHeirs puts a binding on hold that is to take over a role that goes, and cannot do so before the next look: the role waits for
// it. It has to be one that would be wanted, and that Astro is not known to refuse the write. Where another binding takes the role over
// now, nothing has to wait.
func (s *Situation) awaitHeirs(d *Decision) {
	if len(s.Awaited) == 0 {
		return
	}
	leaving, wanted := map[roleset.Target]bool{}, map[roleset.Target]bool{}
	for i := range s.Bindings {
		switch d.Rulings[i].Class {
		case roleset.Leave:
			leaving[s.entry(d, i)] = true
		case roleset.Want:
			wanted[s.entry(d, i)] = true
		}
	}
	next := *s
	next.Out = nil
	for i := range s.Bindings {
		b, r := &s.Bindings[i], &d.Rulings[i]
		may, known := s.Memory.mayWrite(&b.Connection)
		if !s.Awaited[b.Object.UID] || r.Class != roleset.None || known && !may {
			continue
		}
		would := next.judge(b)
		if entry := b.entry(would.Target); would.Class == roleset.Want && leaving[entry] && !wanted[entry] {
			r.Class, r.Target = roleset.Hold, would.Target
		}
	}
}
