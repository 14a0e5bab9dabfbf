package main

import (
	"cmp"
	"net/http"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// refusedReasons are what a binding may say when Astro takes no for an answer to its change.
var refusedReasons = []string{
	v1alpha1.ReasonRefusedByAstro, v1alpha1.ReasonParentRoleMissing, v1alpha1.ReasonRoleNotFound, v1alpha1.ReasonPermissionDenied,
	v1alpha1.ReasonTargetNotFound,
}

// check compares Astro and every status with what is declared.
func (s *snapshot) check() []problem {
	places := map[place][]*claim{}
	for _, c := range s.claims {
		if c.place != (place{}) {
			places[c.place] = append(places[c.place], c)
		}
		s.checkAlone(c)
	}
	for p, claims := range places {
		if !slices.ContainsFunc(claims, func(c *claim) bool { return c.vague || c.token.gone }) {
			s.checkPlace(p, claims)
		}
	}
	s.checkLeaks(places)
	s.checkConnections()
	return s.problems
}

// checkConnections checks that both connections say they are ready, as all that they need is there.
func (s *snapshot) checkConnections() {
	for _, c := range []v1alpha1.Connection{&s.shared, &s.own} {
		if s.away[c.ConnectionKind()] || !c.GetDeletionTimestamp().IsZero() {
			continue
		}
		status := c.ConnectionStatus()
		ready := slices.ContainsFunc(status.Conditions, func(c metav1.Condition) bool {
			return c.Type == v1alpha1.ConditionReady && c.Status == metav1.ConditionTrue && c.Reason == v1alpha1.ReasonConnected
		})
		if !ready || status.ObservedGeneration != c.GetGeneration() || status.CredentialTokenID != s.world.credential(c == &s.own) {
			s.brokenf(wrong, "connection %s should be ready: %+v", c.GetName(), *status)
		}
	}
}

// role is the role that Astro holds at a place.
func (s *snapshot) role(p place) string { return s.world.sim.RoleOn(p.token, p.kind, p.target) }

// checkAlone checks what can be told of a binding without looking at the others.
func (s *snapshot) checkAlone(c *claim) {
	b := c.binding
	if !b.DeletionTimestamp.IsZero() {
		if c.standing == none {
			s.expect(c, false, v1alpha1.ReasonPinLost)
		}
		if s.world.ending && c.standing != leave {
			s.brokenf(stuck, "%s is still there at the end: %s", c.id(), readyWords(b))
		}
		if c.standing == leave && !s.mayHang(c) {
			s.brokenf(stuck, "%s is deleted and does not go: %s", c.id(), readyWords(b))
		}
		return
	}
	if b.Status.ObservedGeneration != b.Generation {
		s.brokenf(wrong, "%s is at generation %d, its status at %d", c.id(), b.Generation, b.Status.ObservedGeneration)
	}
	ready := readyOf(b)
	switch {
	case ready.Status == metav1.ConditionTrue && c.place != (place{}) && b.Spec.Mode != v1alpha1.ModeObserve && s.role(c.place) != roleOf(b):
		s.brokenf(wrong, "%s is Ready, but Astro holds %q", c.id(), s.role(c.place))
	case c.vague:
	case len(c.faults) > 0 && c.standing == leave && s.mayHang(c):
		s.expect(c, false, append(slices.Clone(c.faults), refusedReasons...)...)
	case len(c.faults) > 0:
		s.expect(c, false, c.faults...)
	case b.Spec.Mode == v1alpha1.ModeObserve:
		s.checkObserver(c)
	}
}

// checkObserver checks a binding that only looks.
func (s *snapshot) checkObserver(c *claim) {
	b, there := c.binding, s.role(c.place)
	planned := ""
	switch {
	case readyOf(b).Status != metav1.ConditionTrue:
		s.expect(c, false, v1alpha1.ReasonConflictingBinding, v1alpha1.ReasonExistingRole)
		return
	case there == "":
		planned = "add " + roleOf(b)
	case there != roleOf(b):
		planned = "change " + there + " to " + roleOf(b)
	}
	if b.Status.PlannedChange != planned {
		s.brokenf(wrong, "%s plans %q, and would %q", c.id(), b.Status.PlannedChange, planned)
	}
}

func readyOf(b *v1alpha1.ScopedTokenBinding) metav1.Condition {
	for _, c := range b.Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return c
		}
	}
	return metav1.Condition{}
}

// expect checks whether a binding says that it is Ready, or why not.
func (s *snapshot) expect(c *claim, ready bool, reasons ...string) {
	got := readyOf(c.binding)
	if ready != (got.Status == metav1.ConditionTrue) {
		s.brokenf(wrong, "%s should be ready=%t %v and says %s", c.id(), ready, reasons, readyWords(c.binding))
		return
	}
	if len(reasons) > 0 && !slices.Contains(reasons, got.Reason) {
		s.brokenf(wrong, "%s should say one of %v and says %s", c.id(), reasons, readyWords(c.binding))
	}
	if ready {
		s.checkReady(c)
	}
}

// checkReady checks what else a status says that is Ready.
func (s *snapshot) checkReady(c *claim) {
	b := c.binding
	type facts struct{ token, name, target, role, organization string }
	got := facts{b.Status.Token.ID, b.Status.Token.Name, b.Status.Target.ID, b.Status.Role, b.Status.OrganizationID}
	should := facts{c.place.token, c.token.name, c.place.target, roleOf(b), s.world.org}
	if got != should {
		s.brokenf(wrong, "the status of %s says %v, and should %v", c.id(), got, should)
	}
	for _, condition := range b.Status.Conditions {
		if condition.Type == v1alpha1.ConditionStalled || condition.Type == v1alpha1.ConditionReconciling || condition.ObservedGeneration != b.Generation {
			s.brokenf(wrong, "%s is Ready, and still says %s of generation %d", c.id(), condition.Type, condition.ObservedGeneration)
		}
	}
	if c.held == nil {
		s.brokenf(wrong, "%s is Ready and holds no claim", c.id())
	}
}

// checkPlace checks the role at one place, and what those who speak of it say.
func (s *snapshot) checkPlace(p place, claims []*claim) {
	var held, wanting []*claim
	for _, c := range claims {
		if c.standing == want {
			wanting = append(wanting, c)
		}
		if c.held != nil && (c.standing == want || c.standing == hold) {
			held = append(held, c)
		}
	}
	if len(held) == 0 {
		for _, c := range wanting {
			s.checkUnheld(p, c)
		}
		return
	}
	winner := slices.MinFunc(held, func(a, b *claim) int {
		return cmp.Or(a.held.Time.Compare(b.held.Time.Time), cmp.Compare(a.id(), b.id()))
	})
	there, should := s.role(p), roleOf(winner.binding)
	refused := there != should && winner.standing == want && s.world.oracle.refuses(p, should)
	if there != should && winner.standing == want && !refused {
		s.brokenf(lost, "%s declares %s on %s for %s, and Astro holds %q; it says %s", winner.id(), should, p.target, p.token, there, readyWords(winner.binding))
	}
	for _, c := range wanting {
		switch {
		case roleOf(c.binding) != should:
			s.expect(c, false, v1alpha1.ReasonConflictingBinding)
		case there == should:
			s.expect(c, true)
		case refused:
			s.expect(c, false, refusedReasons...)
		default:
			s.expect(c, false, v1alpha1.ReasonConflictingBinding)
		}
	}
}

// checkUnheld checks a binding that has the say and has not taken its claim: it may be kept from that only by a role that
// it must not take over.
func (s *snapshot) checkUnheld(p place, c *claim) {
	there, adopt := s.role(p), c.binding.Spec.Adopt
	if there != "" && (adopt == v1alpha1.AdoptNever || adopt == v1alpha1.AdoptIfSameRole && there != roleOf(c.binding)) {
		s.expect(c, false, v1alpha1.ReasonExistingRole)
		return
	}
	s.brokenf(lost, "%s has taken no claim; Astro holds %q; it says %s", c.id(), there, readyWords(c.binding))
}

// mayHang says whether a binding that is to go has a reason not to: Astro does not let its role go.
func (s *snapshot) mayHang(c *claim) bool {
	return c.held != nil && !c.token.gone && c.binding.Spec.DeletionPolicy != v1alpha1.DeletionRetain && s.role(c.place) != "" &&
		s.world.oracle.refuses(c.place, "")
}

// checkLeaks looks for roles that were held once, are held by nobody now, and are still there by the operator's doing.
func (s *snapshot) checkLeaks(places map[place][]*claim) {
	for p, retained := range s.world.facts.everHeld() {
		heldNow := slices.ContainsFunc(places[p], func(c *claim) bool { return c.held != nil || s.lostClaim(c, p) })
		if token, target := s.world.find(p.token), s.world.find(p.target); retained || heldNow || token.gone || target.gone {
			continue
		}
		role := s.role(p)
		if role == "" || !s.world.lastByOperator(p) {
			continue
		}
		gone := s.world.facts.gone(p, s.bindings)
		if slices.ContainsFunc(gone, func(h holder) bool { return h.retains }) {
			continue
		}
		if slices.ContainsFunc(gone, s.forgotten) {
			s.unknown++
			continue
		}
		s.brokenf(leaked, "%s holds %s on %s, which no binding holds any more", p.token, role, p.target)
	}
	for _, c := range s.claims {
		if c.standing == leave && c.binding.DeletionTimestamp.IsZero() && c.held != nil && !s.mayHang(c) {
			s.brokenf(leaked, "%s is no longer allowed, and still holds its claim: %s", c.id(), readyWords(c.binding))
		}
	}
}

// forgotten says whether a holder that vanished with its finalizer took along the process that took its claim: then
// nobody is left who could know of it. That is the API server's doing, and counted apart.
func (s *snapshot) forgotten(h holder) bool { return h.process < s.world.operator.process() }

// lostClaim says whether a binding is still there whose claim on the place a user has taken away: while it is being
// deleted, or its connection is, the operator cannot take it anew.
func (s *snapshot) lostClaim(c *claim, p place) bool {
	was, stripped := s.world.facts.strippedFrom(c.binding.UID)
	return stripped && was == p && slices.Contains(c.binding.Finalizers, v1alpha1.FinalizerRevoke)
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

// restored says whether somebody else has put a role back that the operator had taken away.
func (w *world) restored(p place) bool {
	changes := w.changesAt(p)
	return len(changes) > 1 && !w.isCredential(changes[0].By) && w.isCredential(changes[1].By) && p.in(changes[1].After) == ""
}

// changesAt are the writes that changed the role at a place, or were to, the last one first.
func (w *world) changesAt(p place) (changes []astrosim.RoleWrite) {
	for i, e := range slices.Backward(w.sim.Audit()) {
		if e.TokenID == p.token && !w.oracle.isOwn(i) && e.Status == http.StatusOK &&
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
