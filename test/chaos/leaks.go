package main

import (
	"net/http"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// checkLeaks looks for roles that were held once, are held by nobody now, and are still there by the operator's doing.
func (s *snapshot) checkLeaks(places map[place][]*claim) {
	for p, retained := range s.world.facts.everHeld() {
		heldNow := slices.ContainsFunc(places[p], func(c *claim) bool { return c.held != nil })
		if token, target := s.world.find(p.token), s.world.find(p.target); retained || heldNow || token.gone || target.gone {
			continue
		}
		switch role := s.role(p); {
		case role == "" || !s.world.lastByOperator(p):
		case s.world.facts.isExcused(p, s.world.changesAt(p)):
			s.unseenOld++
		default:
			s.judgeLeft(p, role)
		}
	}
	for _, c := range s.claims {
		if c.class == leave && c.binding.DeletionTimestamp.IsZero() && c.held != nil && !s.mayStay(c) {
			s.violationf(leaked, "%s is no longer allowed, and still holds its claim: %s", c.id(), readyWords(c.binding))
		}
	}
}

// judgeLeft judges a role that the operator gave and that no binding holds any more: it is leaked, or a binding that had
// it vanished. Then the operator has to revoke it as far as it can know, and as Astro lets it.
func (s *snapshot) judgeLeft(p place, role string) {
	gone := s.world.facts.gone(p, s.bindings)
	uids := make([]types.UID, len(gone))
	for i, h := range gone {
		uids[i] = h.uid
	}
	switch {
	case len(gone) == 0:
		s.violationf(leaked, "%s holds %s on %s, which no binding holds any more", p.token, role, p.target)
	case slices.ContainsFunc(gone, func(h holder) bool { return h.retains }):
	case s.world.oracle.refuses(p, ""):
	case slices.ContainsFunc(gone, func(h holder) bool { return s.withheld(s.world.facts.last(h.uid)) }):
	case s.world.departures.mustRevoke(uids, role, s.world.operator.process()):
		s.violationf(leftBehind, "%s holds %s on %s, whose binding has vanished, as the operator was shown", p.token, role, p.target)
	default:
		s.unseen++
	}
}

// withheld says whether the rules keep the operator from revoking what a binding had only adopted.
func (s *snapshot) withheld(b *v1alpha1.ScopedTokenBinding) bool {
	if b == nil || b.Status.Origin != v1alpha1.OriginAdopted {
		return false
	}
	c := &claim{binding: b, held: statusClaim(b)}
	s.findToken(c)
	s.findTarget(c)
	return s.refused(c) != ""
}

// lastByOperator says whether the operator was the last to change the role at a place.
func (w *world) lastByOperator(p place) bool {
	changes := w.changesAt(p)
	return len(changes) > 0 && w.isCredential(changes[0].By) && p.in(changes[0].Requested) == p.in(changes[0].After)
}

// byAstro says whether the operator took a role out, and Astro put one of its own there.
func (w *world) byAstro(p place) bool {
	changes := w.changesAt(p)
	return len(changes) > 0 && w.isCredential(changes[0].By) && p.in(changes[0].Requested) == ""
}

// restored says whether somebody else has put a role back that the operator had taken missing.
func (w *world) restored(p place) bool {
	changes := w.changesAt(p)
	return len(changes) > 1 && !w.isCredential(changes[0].By) && w.isCredential(changes[1].By) && p.in(changes[1].After) == ""
}

// changesAt are the writes that changed the role at a place, or were to, the last one first.
func (w *world) changesAt(p place) (changes []astrosim.RoleWrite) {
	for _, e := range slices.Backward(w.sim.Audit()) {
		if e.TokenID == p.token && e.Status == http.StatusOK &&
			(p.in(e.Before) != p.in(e.After) || !e.OutOfBand && p.in(e.Before) != p.in(e.Requested)) {
			changes = append(changes, e)
		}
	}
	return changes
}

// in is the role that a set has at the place.
func (p place) in(roles []roleEntry) string {
	for _, r := range roles {
		if r.EntityType == p.kind && r.EntityID == p.target {
			return r.Role
		}
	}
	return ""
}
