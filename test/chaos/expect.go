package main

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
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
		if !slices.ContainsFunc(claims, func(c *claim) bool { return c.undecided || c.token.gone }) {
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
		if s.missing[c.ConnectionKind()] || !c.GetDeletionTimestamp().IsZero() {
			continue
		}
		status := c.ConnectionStatus()
		ready := slices.ContainsFunc(status.Conditions, func(c metav1.Condition) bool {
			return c.Type == v1alpha1.ConditionReady && c.Status == metav1.ConditionTrue && c.Reason == v1alpha1.ReasonConnected
		})
		if !ready || status.ObservedGeneration != c.GetGeneration() || status.CredentialTokenID != s.world.credential(c == &s.own) {
			s.violationf(wrong, "connection %s should be ready: %+v", c.GetName(), *status)
		}
	}
}

// role is the role that Astro holds at a place.
func (s *snapshot) role(p place) string { return s.world.sim.RoleOn(p.token, p.kind, p.target) }

// checkAlone checks what can be told of a binding without looking at the others.
func (s *snapshot) checkAlone(c *claim) {
	b := c.binding
	if !b.DeletionTimestamp.IsZero() {
		if s.world.ending && c.class != leave {
			s.violationf(stuck, "%s is still there at the end: %s", c.id(), readyWords(b))
		}
		if c.class == leave && !s.mayStay(c) {
			s.violationf(stuck, "%s is deleted and does not go: %s", c.id(), readyWords(b))
		}
		return
	}
	if b.Status.ObservedGeneration != b.Generation {
		s.violationf(wrong, "%s is at generation %d, its status at %d", c.id(), b.Generation, b.Status.ObservedGeneration)
	}
	if c.held != nil && !slices.Contains(b.Finalizers, v1alpha1.FinalizerRevoke) {
		s.violationf(wrong, "%s has a claim, and no finalizer that delays its deletion", c.id())
	}
	if b.Spec.Mode == v1alpha1.ModeObserve && statusClaim(b) != nil {
		s.violationf(wrong, "%s only observes, and holds a claim", c.id())
	}
	ready := readyOf(b)
	switch {
	case hasExpired(b):
		s.checkExpired(c)
	case ready.Status == metav1.ConditionTrue && c.place != (place{}) && b.Spec.Mode != v1alpha1.ModeObserve && s.role(c.place) != roleOf(b):
		s.violationf(wrong, "%s is Ready, but Astro holds %q", c.id(), s.role(c.place))
	case len(c.faults) > 0 && c.class == leave && s.mayStay(c):
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
		s.violationf(wrong, "%s plans %q, and would %q", c.id(), b.Status.PlannedChange, planned)
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
		s.violationf(wrong, "%s should be ready=%t %v and says %s", c.id(), ready, reasons, readyWords(c.binding))
		return
	}
	if len(reasons) > 0 && !slices.Contains(reasons, got.Reason) {
		s.violationf(wrong, "%s should say one of %v and says %s", c.id(), reasons, readyWords(c.binding))
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
		s.violationf(wrong, "the status of %s says %v, and should %v", c.id(), got, should)
	}
	for _, condition := range b.Status.Conditions {
		if condition.Type == v1alpha1.ConditionStalled || condition.Type == v1alpha1.ConditionReconciling || condition.ObservedGeneration != b.Generation {
			s.violationf(wrong, "%s is Ready, and still says %s of generation %d", c.id(), condition.Type, condition.ObservedGeneration)
		}
	}
	if c.held == nil {
		s.violationf(wrong, "%s is Ready and holds no claim", c.id())
	}
	s.checkTarget(c)
}

// checkPlace checks the role at one place, and what those who speak of it say.
func (s *snapshot) checkPlace(p place, claims []*claim) {
	var held, wanting []*claim
	for _, c := range claims {
		if c.class == want {
			wanting = append(wanting, c)
		}
		if c.held != nil && (c.class == want || c.class == hold) {
			held = append(held, c)
		}
	}
	there := s.role(p)
	if len(held) == 0 {
		slices.SortFunc(wanting, func(a, b *claim) int { return inOrder(a, b, there) })
		ours := slices.ContainsFunc(claims, func(c *claim) bool { return c.held != nil && c.class == leave })
		s.checkUnheld(p, wanting, ours)
		return
	}
	winner := slices.MinFunc(held, func(a, b *claim) int { return inOrder(a, b, there) })
	should := roleOf(winner.binding)
	refused := there != should && winner.class == want && s.world.oracle.refuses(p, should)
	if there != should && winner.class == want && !refused {
		s.violationf(lost, "%s declares %s on %s for %s, and Astro holds %q; it says %s", winner.id(), should, p.target, p.token, there, readyWords(winner.binding))
	}
	for _, c := range wanting {
		switch {
		case roleOf(c.binding) != should && c.held == nil: // it may have tried before the winner came
			reasons := append([]string{v1alpha1.ReasonConflictingBinding}, refusedReasons...)
			if winner.held.origin == v1alpha1.OriginAdopted && there != "" && !s.mayAdopt(c, there) {
				reasons = append(reasons, v1alpha1.ReasonExistingRole) // as it said before the winner adopted the role
			}
			s.expect(c, false, reasons...)
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

// inOrder compares two claims on one place: the earlier claim first, then namespace and name; after all claims, those
// without one: first the one whose role Astro holds, then the older object.
func inOrder(a, b *claim, there string) int {
	byName := cmp.Compare(a.id(), b.id())
	switch {
	case a.held != nil && b.held != nil:
		return cmp.Or(a.held.at.Compare(b.held.at), byName)
	case a.held != nil:
		return -1
	case b.held != nil:
		return 1
	case (roleOf(a.binding) == there) != (roleOf(b.binding) == there):
		if roleOf(a.binding) == there {
			return -1
		}
		return 1
	}
	return cmp.Or(a.binding.CreationTimestamp.Compare(b.binding.CreationTimestamp.Time), byName)
}

// checkUnheld checks bindings that want a place on which nobody has a claim, in their order. One is kept from its claim only
// by a role that it must not take over, by Astro's refusal, or by another one before it that Astro refuses. What is ours, since one
// that Astro does not let go holds it, is nobody's existing role: it may be taken over, if Astro does not refuse that too.
func (s *snapshot) checkUnheld(p place, wanting []*claim, ours bool) {
	there := s.role(p)
	var first *claim
	for _, c := range wanting {
		role := roleOf(c.binding)
		conflicts := first != nil && roleOf(first.binding) != role && !s.world.oracle.refuses(p, roleOf(first.binding))
		switch {
		case there != "" && !s.mayAdopt(c, there):
			reasons := []string{v1alpha1.ReasonExistingRole, v1alpha1.ReasonConflictingBinding}
			if ours && s.world.oracle.refuses(p, role) {
				reasons = append(reasons, refusedReasons...)
			}
			s.expect(c, false, reasons...)
		case there != role && (conflicts || s.world.oracle.refuses(p, role)):
			s.expect(c, false, append([]string{v1alpha1.ReasonConflictingBinding}, refusedReasons...)...)
			first = cmp.Or(first, c)
		default:
			s.violationf(lost, "%s has taken no claim; Astro holds %q; it says %s", c.id(), there, readyWords(c.binding))
		}
	}
}

// mayAdopt says whether a binding may take over the role that Astro holds: one that it declares, or, with adopt: Always, one
// that the rules would let it declare.
func (s *snapshot) mayAdopt(c *claim, there string) bool {
	switch adopt := c.binding.Spec.Adopt; {
	case adopt == v1alpha1.AdoptNever:
		return false
	case there == roleOf(c.binding):
		return true
	default:
		return adopt == v1alpha1.AdoptAlways && s.refusedRole(c, there) == ""
	}
}

// mayStay says whether a binding that is to go has a reason not to: Astro does not let its role go, another has a claim on it through
// a connection that is not there and cannot be asked for proof, or the operator has never seen the binding before and cannot know
// whether the role is its own.
func (s *snapshot) mayStay(c *claim) bool {
	unproven := func(o *claim) bool {
		return o != c && o.held != nil && o.place == c.place && o.class != leave && s.connectionMissing(o.binding)
	}
	if c.held != nil && slices.ContainsFunc(s.claims, unproven) {
		return readyOf(c.binding).Reason == v1alpha1.ReasonRevoking
	}
	if c.held == nil && c.place != (place{}) && s.role(c.place) != "" && !s.world.ending && !s.world.facts.wasReported(c.binding.UID) {
		return readyOf(c.binding).Reason == v1alpha1.ReasonPinLost
	}
	retained := !c.binding.DeletionTimestamp.IsZero() && c.binding.Spec.DeletionPolicy == v1alpha1.DeletionRetain // which is of deletions only
	return c.held != nil && c.token != nil && !c.token.gone && !retained && s.role(c.place) != "" && s.world.oracle.refuses(c.place, "")
}
