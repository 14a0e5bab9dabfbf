package main

import (
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

const (
	restSteps  = 600 // steps that coming to rest may take
	restPasses = 3   // sweeps that it is given
)

// atEase is a state in which nothing may happen any more but what the operator, the API server and Astro do by themselves.
func (s *state) atEase() state {
	next := *s
	next.budget = budget{}
	return next
}

// rest lets the operator come to rest and says what is wrong there. Every state on the way whose hash is known to come to
// rest as declared ends the work; the hashes on the way are returned.
func (s *state) rest(known func(hash) bool) (way []hash, trail []action, err error) {
	at := s.atEase()
	seen := map[hash]bool{}
	var buffer code
	passes := 0
	for range restSteps {
		h := hashOf(at.encode(buffer[:0]))
		if passes == 0 && known(h) {
			return way, trail, nil
		}
		if passes == 0 {
			way = append(way, h)
		}
		next, is := at.first()
		if !is || seen[h] && next.kind == operatorTimer {
			if passes == restPasses {
				return way, trail, at.restError()
			}
			passes++
			clear(seen)
			next = action{timePasses, 0}
		}
		seen[h] = true
		trail = append(trail, next)
		if at, err = guarded(&at, next); err != nil {
			return way, trail, err
		}
	}
	return way, trail, errors.New("the operator does not come to rest")
}

// first is what happens first where the operator is left alone.
func (s *state) first() (action, bool) {
	all := s.machinery()
	if len(all) == 0 {
		return action{}, false
	}
	return all[0], true
}

// restError says what is wrong with a state at rest.
func (s *state) restError() error {
	for n := range names {
		if o := s.server[n]; o != nil {
			if err := s.checkObject(o.ScopedTokenBinding); err != nil {
				return fmt.Errorf("at rest: %w", err)
			}
		}
	}
	for t := range targets {
		if err := s.checkTarget(t); err != nil {
			return fmt.Errorf("at rest: %w", err)
		}
	}
	for _, e := range s.stored {
		if o := s.server[e.name]; o == nil || o.UID != e.uid || ready(o.ScopedTokenBinding) || !slices.Contains(s.granted[:], e.uid) { // what may have been given may stay open
			return fmt.Errorf("at rest: the journal still has an entry of %s", e.uid)
		}
	}
	if len(s.proc.orphans) > 0 {
		return fmt.Errorf("at rest: the orphan %s is still there", s.proc.orphans[0].object.UID)
	}
	return nil
}

func ready(b *v1alpha1.ScopedTokenBinding) bool {
	return meta.IsStatusConditionTrue(b.Status.Conditions, v1alpha1.ConditionReady)
}

// checkObject says what is wrong with an object at rest.
func (s *state) checkObject(b *v1alpha1.ScopedTokenBinding) error {
	held := roles[s.astro.now.on[target(b)]]
	ready := meta.FindStatusCondition(b.Status.Conditions, v1alpha1.ConditionReady)
	if s.scenario.denied[connOf(b)] {
		return nil
	}
	switch {
	case b.DeletionTimestamp != nil:
		if ready != nil && ready.Reason == v1alpha1.ReasonPinLost {
			return nil
		}
		return fmt.Errorf("%s is being deleted and does not go", b.Name)
	case ready == nil || b.Status.ObservedGeneration != b.Generation:
		return fmt.Errorf("%s was not told anything of its present spec", b.Name)
	case observes(b):
		if claims(b) {
			return fmt.Errorf("%s observes and holds a claim", b.Name)
		}
		return nil
	case b.Spec.Suspend:
		return nil
	case ready.Status == "True" && held != b.Spec.Role:
		return fmt.Errorf("%s is Ready, and the token holds %q", b.Name, held)
	case ready.Status == "True" && !claims(b):
		return fmt.Errorf("%s is Ready without a claim", b.Name)
	case ready.Status == "True" && !finalized(b):
		return fmt.Errorf("%s holds a claim without the finalizer", b.Name)
	case ready.Status == "True":
		return nil
	}
	return s.excusedReason(b, ready.Reason)
}

// excusedReason says what is wrong with an enforced binding that is not Ready at rest: its reason has to hold.
func (s *state) excusedReason(b *v1alpha1.ScopedTokenBinding, reason string) error {
	t := target(b)
	switch reason {
	case v1alpha1.ReasonConflictingBinding:
		if w := s.winner(t, b); w != nil && w.Spec.Role != b.Spec.Role {
			return nil
		}
	case v1alpha1.ReasonExistingRole:
		if s.astro.now.on[t] != 0 && (!s.given[t] || s.excused[t]) && b.Spec.Adopt != v1alpha1.AdoptAlways && b.Spec.Adopt != "" {
			return nil
		}
	case v1alpha1.ReasonRefusedByAstro, v1alpha1.ReasonParentRoleMissing:
		if role(b) == roleBroken {
			return nil
		}
	}
	return fmt.Errorf("%s is not Ready, with the reason %s that does not hold", b.Name, reason)
}

// winner is the binding that has the say over a target before another one: the first by its claim and its name.
func (s *state) winner(t int, than *v1alpha1.ScopedTokenBinding) *v1alpha1.ScopedTokenBinding {
	var first *v1alpha1.ScopedTokenBinding
	for n := range names {
		o := s.server[n]
		if o == nil || target(o.ScopedTokenBinding) != t || !claims(o.ScopedTokenBinding) || o.UID == than.UID || o.DeletionTimestamp != nil {
			continue
		}
		if first == nil || claimedAt(o.ScopedTokenBinding).Before(claimedAt(first)) {
			first = o.ScopedTokenBinding
		}
	}
	if first != nil && claims(than) && claimedAt(than).Before(claimedAt(first)) {
		return nil
	}
	return first
}

// checkTarget says what is wrong with a target at rest.
func (s *state) checkTarget(t int) error {
	held := s.astro.now.on[t]
	claimed := slices.ContainsFunc(s.server[:], func(o *object) bool {
		return o != nil && target(o.ScopedTokenBinding) == t && claims(o.ScopedTokenBinding)
	})
	if held != 0 && s.given[t] && !claimed && !s.excused[t] && !slices.Contains(s.scenario.denied[:], true) {
		return fmt.Errorf("%s on %s was given by the operator, and nobody claims it", roles[held], targets[t])
	}
	return nil
}
