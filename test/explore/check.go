package main

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

// checkPost says what is wrong with a write: against what its fresh read showed it changes only what it may.
func (s *state) checkPost(r *run, e decision.Post) (roleSet, error) {
	sent, err := roleSetOf(e.Roles)
	if err != nil {
		return sent, err
	}
	if !r.slot {
		return sent, fmt.Errorf("a write without a fresh read in its slot")
	}
	if sent.unknown != r.shown.unknown {
		return sent, fmt.Errorf("the write changes a role of a kind that nobody declares")
	}
	for t := range targets {
		if sent.on[t] != r.shown.on[t] {
			if err := s.checkChange(r, e, t, sent.on[t]); err != nil {
				return sent, fmt.Errorf("the write changes the role on %s from %q to %q: %w", targets[t], roles[r.shown.on[t]], roles[sent.on[t]], err)
			}
		}
	}
	return sent, nil
}

func (s *state) checkChange(r *run, e decision.Post, t int, to uint8) error {
	at := slices.IndexFunc(e.Changes, func(c decision.Change) bool { return c.Target.ID == targets[t] })
	if at < 0 {
		return fmt.Errorf("no change says so")
	}
	var on []*decision.Binding
	for i := range r.progress.Situation.Bindings {
		if b := &r.progress.Situation.Bindings[i]; target(b.Object) == t {
			on = append(on, b)
		}
	}
	if to == 0 {
		return s.checkRemoval(r, t, on)
	}
	wants := func(b *decision.Binding) bool {
		return role(b.Object) == int(to) && !b.Deleting() && !observes(b.Object)
	}
	if !slices.ContainsFunc(on, wants) {
		return fmt.Errorf("no binding declares it")
	}
	if !s.covered(t, on) {
		return fmt.Errorf("neither a status nor the journal has a claim")
	}
	return s.checkTakeover(r, e.Changes[at], t, on)
}

// covered reports whether a claim on the target is stored: by the journal, or by the status of an object.
func (s *state) covered(t int, on []*decision.Binding) bool {
	return slices.ContainsFunc(s.stored, func(e entry) bool { return e.claim.Target == targets[t] }) ||
		slices.ContainsFunc(on, func(b *decision.Binding) bool { return claims(b.Object) && !b.Orphan })
}

// checkTakeover says what is wrong with writing over a role that somebody else wrote.
func (s *state) checkTakeover(r *run, c decision.Change, t int, on []*decision.Binding) error {
	if r.shown.on[t] == 0 || r.given[t] || slices.ContainsFunc(on, func(b *decision.Binding) bool { return claims(b.Object) }) {
		return nil
	}
	for _, b := range on {
		if slices.Contains(s.granted[:], b.Object.UID) {
			return nil // it was changed since
		}
		if slices.Contains(c.Claims, b.ID()) && b.Object.Spec.Adopt != v1alpha1.AdoptNever && b.Object.Spec.Adopt != v1alpha1.AdoptIfSameRole {
			return nil
		}
	}
	return fmt.Errorf("it is somebody else's, and no binding may adopt it")
}

// checkRemoval says what is wrong with taking a role away: a claim has to be leaving, and one of which nobody knows
// whether its role was given takes only that very role.
func (s *state) checkRemoval(r *run, t int, on []*decision.Binding) error {
	leaving := slices.DeleteFunc(slices.Clone(on), func(b *decision.Binding) bool { return b.Claim == nil || !b.Deleting() })
	if len(leaving) == 0 {
		return fmt.Errorf("no claim is leaving")
	}
	if !slices.ContainsFunc(leaving, func(b *decision.Binding) bool {
		return b.Recovered.IsZero() || b.Claim.Role == roles[r.shown.on[t]]
	}) {
		return fmt.Errorf("nobody knows that it was given")
	}
	sent := func(b *decision.Binding) bool { return claims(b.Object) || slices.Contains(s.granted[:], b.Object.UID) }
	if !r.given[t] && !slices.ContainsFunc(leaving, sent) {
		return fmt.Errorf("nothing was ever sent for it")
	}
	for _, b := range leaving {
		if mayStay(b.Object) && len(leaving) == 1 {
			return fmt.Errorf("its user says that it stays")
		}
	}
	return nil
}

// checkStatus says what is wrong with a status that is about to be written.
func (s *state) checkStatus(r *run, live *v1alpha1.ScopedTokenBinding, st decision.Statement) error {
	next := &st.Status
	held := roles[r.shown.on[target(live)]]
	enforced := !observes(live)
	for _, condition := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionSynced} {
		if enforced && meta.IsStatusConditionTrue(next.Conditions, condition) && held != live.Spec.Role {
			return fmt.Errorf("the status of %s says %s, and Astro has answered that the token holds %q", live.Name, condition, held)
		}
	}
	if meta.IsStatusConditionTrue(next.Conditions, v1alpha1.ConditionReady) && live.DeletionTimestamp == nil && enforced && !isHeld(next.Claim) {
		return fmt.Errorf("the status of %s says Ready without a claim", live.Name)
	}
	if next.Claim == nil {
		return nil
	}
	if next.Claim.UID != live.UID {
		return fmt.Errorf("the status of %s has the claim of another object", live.Name)
	}
	if isHeld(next.Claim) && !claims(live) {
		return s.checkNewClaim(live, next, held)
	}
	if !isHeld(next.Claim) && claims(live) && observes(live) {
		s.excused[target(live)] = true
	}
	return nil
}

func isHeld(c *v1alpha1.Claim) bool { return c != nil && c.State == v1alpha1.ClaimHeld }

// checkNewClaim says what is wrong with a claim that a status is about to hold.
func (s *state) checkNewClaim(live *v1alpha1.ScopedTokenBinding, next *v1alpha1.ScopedTokenBindingStatus, held string) error {
	if !slices.Contains(s.granted[:], live.UID) && held != live.Spec.Role {
		return fmt.Errorf("the status of %s is to hold a claim on a role that was not given and is not there", live.Name)
	}
	if !finalized(live) {
		return fmt.Errorf("%s is to hold a claim without the finalizer", live.Name)
	}
	if observes(live) {
		return fmt.Errorf("%s is to hold a claim although it observes", live.Name)
	}
	if last := claimedAt(live); !next.Claim.ClaimedAt.After(last) && !last.IsZero() {
		return fmt.Errorf("the claim of %s is not later than its last", live.Name)
	}
	for n := range names {
		other := s.server[n]
		if other == nil || other.UID == live.UID || !claims(other.ScopedTokenBinding) || !s.cached(n) {
			continue
		}
		if at := claimedAt(other.ScopedTokenBinding); !next.Claim.ClaimedAt.After(at) && next.Claim.ClaimedAt.Time.Equal(at) {
			return fmt.Errorf("the claims of %s and %s are of the same moment", live.Name, other.Name)
		}
	}
	s.excused[target(live)] = false
	return nil
}

// cached reports whether the operator's cache has the object as it is.
func (s *state) cached(n int) bool {
	return s.cache[n] != nil && s.cache[n].UID == s.server[n].UID && s.cache[n].ResourceVersion == s.server[n].ResourceVersion
}
