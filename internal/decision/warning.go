package decision

import (
	"fmt"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/expiry"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

// warnings are what a binding should be told although it does not keep it from being Ready, the most pressing first.
func (p Progress) warnings(i int, r Ruling) []fault.Warning {
	s, b := &p.Situation, &p.Situation.Bindings[i]
	if !r.Allowed || r.Expired || s.presenceTo(b) != Present || b.Deleting() {
		return nil
	}
	var all []fault.Warning
	if at := s.Token.Token.EndAt; at != nil {
		all = fault.Expires(v1alpha1.ReasonTokenExpires, b.TokenWords(), *at, s.Now, "make a new token and a binding for it before then")
	}
	if rival, contested := p.Decision.rivals[b.ID()]; contested {
		all = append(all, fault.Warning{Reason: v1alpha1.ReasonContestedRole, Message: p.rivalWords(i, rival)})
	}
	if since, _, unused := s.unusedSince(); unused {
		all = append(all, fault.Warning{Reason: v1alpha1.ReasonTokenUnused, Message: fmt.Sprintf(
			"%s was not used since %s; if nobody needs it, delete it in Astro, and this binding", b.TokenWords(), since.UTC().Format(time.DateOnly))})
	}
	return all
}

// rivalWords tell of a binding that declares another role, as far as the rules let the reader know.
func (p Progress) rivalWords(i, rival int) string {
	s, r := &p.Situation, &p.Decision.Rulings[i]
	other, role := &s.Bindings[rival], "another role"
	if mayName(&s.Bindings[i], r, other) {
		role = other.Role()
	}
	return fmt.Sprintf("%s declares %s for the same token and target, and is refused because this binding was first; delete one of the two, "+
		"or let them declare the same role", p.bindingWords(i, other.ID()), role)
}

func (s *Situation) unusedSince() (since time.Time, left time.Duration, is bool) {
	t := s.Token.Token
	return expiry.UnusedSince(t.LastUsedAt, t.CreatedAt, s.Now)
}

// nextWarning is how long it takes until time alone changes what is said of the token; 0 if it never does.
func (s *Situation) nextWarning() time.Duration {
	var next time.Duration
	if at := s.Token.Token.EndAt; at != nil {
		next = expiry.Next(*at, s.Now)
	}
	if _, left, _ := s.unusedSince(); left > 0 && (next == 0 || left < next) {
		next = left
	}
	return next
}
