package decision

import "github.com/scopedtoken/scopedtoken-operator/internal/policy"

// grantAllowed reports whether the rules allow the role that the token holds, though not the one that is asked for: a
// binding that was edited to a role which it may not have is refused that, and loses nothing.
func (s *Situation) grantAllowed(b *Binding, ask policy.Request) bool {
	ask.Role = s.roleOn(b.entry(nil))
	return ask.Role != "" && policy.Check(b.Connection.Object, ask).Allowed
}

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
