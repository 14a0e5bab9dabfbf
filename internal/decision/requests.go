package decision

import (
	"maps"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// requestedBy is the memory once the bindings are those, as they are by the time of the write slot: what was asked for during
// the wait would else be answered without having been done.
func (s *Situation) requestedBy(now []Binding) Memory {
	m := s.Memory
	for i := range now {
		if now[i].Requested() && !s.knowsRequest(&now[i]) {
			m = m.requestedOn(&now[i])
		}
	}
	return m
}

// knowsRequest reports whether the binding asked for the same before.
func (s *Situation) knowsRequest(b *Binding) bool {
	for i := range s.Bindings {
		if before := &s.Bindings[i]; before.Object.UID == b.Object.UID {
			return before.Requested() && before.Object.Annotations[v1alpha1.AnnotationRequestedAt] == b.Object.Annotations[v1alpha1.AnnotationRequestedAt]
		}
	}
	return false
}

// requestedOn forgets what stands in the way of a binding whose user asks for another try.
func (m Memory) requestedOn(b *Binding) Memory {
	if !b.Requested() {
		return m
	}
	target, _ := b.target()
	return m.requested(b, b.entry(target))
}

// requested forgets what stands in the way of another try on the target, since the user asks for one.
func (m Memory) requested(b *Binding, t roleset.Target) Memory {
	if m.Empty() {
		return m
	}
	next, c := m.clone(), &b.Connection
	maps.DeleteFunc(next.Refusals, func(a Attempt, r Refusal) bool { // what Astro refused to others is theirs to ask for again
		return a.Target == t && (a.Binding == b.Object.UID || r.Credential == c.Credential)
	})
	delete(next.Contentions, b.Object.UID)
	if c.Ready && !c.observes() { // else nobody can ask again, and what was found stays so
		next = next.askAgain(c.Credential)
	}
	return next
}

// asksForRead reports whether the token is to be read because the user asks for it. What stands in the binding's way may be over by then.
// One without a claim that the rules refuse is read for within its namespace's share of requests only, and not at all where no rule
// can allow it.
func (s *Situation) asksForRead(b *Binding, r *Ruling) bool {
	switch {
	case !s.takesRead(b), s.presenceTo(b) != Present, r.Fault != nil && r.Fault.Silent:
		return false
	case b.Claim != nil, r.Allowed:
		return true
	default:
		return b.RequestedAlone() && b.Addressed() && b.Refused() == nil
	}
}

// takesRead reports whether the user asks for a look that no listing answers.
func (s *Situation) takesRead(b *Binding) bool {
	return b.RequestedAlone() || b.Requested() && s.Token.Listed.Before(b.Asked)
}
