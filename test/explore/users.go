package main

import (
	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// user lists what users and other writers of Astro may do now.
func (s *state) user() (all []action) {
	may := func(b int) bool { return s.budget[b] > 0 }
	add := func(kind, arg int) { all = append(all, action{uint8(kind), uint8(arg)}) }
	for n := range s.scenario.bindings {
		o := s.server[n]
		if o == nil {
			if may(budgetCreate) && s.made[n] < 3 {
				add(userCreate, n)
			}
			if may(budgetCopy) && s.copied(n) != nil {
				add(userCopy, n)
			}
			continue
		}
		deleting := o.DeletionTimestamp != nil
		for _, c := range []struct {
			kind, budget int
			is           bool
		}{
			{userEdit, budgetEdit, !deleting}, {userSuspend, budgetSuspend, true}, {userObserve, budgetObserve, true},
			{userDelete, budgetDelete, !deleting}, {userStrip, budgetStrip, finalized(o.ScopedTokenBinding)},
			{userRelease, budgetRelease, !released(o.ScopedTokenBinding)},
			{userStale, budgetStale, !deleting && !finalized(o.ScopedTokenBinding) && !s.stale[n]},
		} {
			if c.is && may(c.budget) {
				add(c.kind, n)
			}
		}
	}
	if may(budgetDeclare) {
		for t := range targets {
			if s.astro.now.on[t] == 0 {
				add(writerDeclares, t)
			}
		}
	}
	if may(budgetWriter) {
		for t := range targets {
			if s.astro.now.on[t] != roleForeign {
				add(writerSets, t)
			}
			if s.astro.now.on[t] != 0 {
				add(writerRemoves, t)
			}
		}
		if s.astro.now.unknown {
			add(writerRemovesUnknown, 0)
		}
	}
	return all
}

// act is something that a user or another writer of Astro does.
func (s *state) act(a action) {
	n := int(a.arg)
	switch a.kind {
	case userCreate:
		s.budget[budgetCreate]--
		s.create(n)
	case userCopy:
		s.budget[budgetCopy]--
		status := s.copied(n).Status.DeepCopy()
		s.create(n)
		s.edit(n, func(b *v1alpha1.ScopedTokenBinding) { b.Status = *status })
	case userEdit:
		s.budget[budgetEdit]--
		s.edit(n, func(b *v1alpha1.ScopedTokenBinding) {
			b.Spec.Role = roles[map[bool]int{true: 2, false: 1}[b.Spec.Role == roles[1]]]
			b.Generation++
		})
	case userSuspend:
		s.budget[budgetSuspend]--
		s.edit(n, func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend, b.Generation = !b.Spec.Suspend, b.Generation+1 })
	case userObserve:
		s.budget[budgetObserve]--
		s.edit(n, func(b *v1alpha1.ScopedTokenBinding) {
			b.Generation++
			if observes(b) {
				b.Spec.Mode = v1alpha1.ModeEnforce
			} else {
				b.Spec.Mode = v1alpha1.ModeObserve
			}
		})
	case userDelete:
		s.budget[budgetDelete]--
		s.deleteObject(n)
	case userStrip:
		s.budget[budgetStrip]--
		if s.server[n].DeletionTimestamp != nil {
			s.vanish(s.server[n].ScopedTokenBinding)
		}
		s.edit(n, func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers = nil })
	case userRelease:
		s.budget[budgetRelease]--
		s.edit(n, func(b *v1alpha1.ScopedTokenBinding) {
			b.Annotations = map[string]string{v1alpha1.AnnotationRelease: "true"}
		})
	case userStale:
		s.budget[budgetStale]--
		s.stale[n] = true
	case writerSets:
		s.budget[budgetWriter]--
		s.otherWriter(n, roleForeign)
	case writerDeclares:
		s.budget[budgetDeclare]--
		s.otherWriter(n, 1)
	case writerRemoves:
		s.budget[budgetWriter]--
		s.otherWriter(n, 0)
	case writerRemovesUnknown:
		s.budget[budgetWriter]--
		r := s.astro.now
		r.unknown = false
		s.replace(r)
	}
}

// copied is an object whose status another one of the name can be made with; nil if there is none.
func (s *state) copied(name int) *object {
	for n, o := range s.server {
		if n != name && o != nil && claims(o.ScopedTokenBinding) && target(o.ScopedTokenBinding) == s.scenario.bindings[name].target {
			return o
		}
	}
	return nil
}

// create makes an object: as its name's template has it, the next one of the name on the next target.
func (s *state) create(name int) {
	t := s.scenario.bindings[name]
	if s.scenario.otherTarget {
		t.target = (t.target + int(s.made[name])) % maxTargets
	}
	s.made[name]++
	s.write(name, newObject(name, s.made[name], t))
}

// otherWriter changes what the token holds on a target.
func (s *state) otherWriter(t int, role uint8) {
	r := s.astro.now
	r.on[t] = role
	s.given[t], s.excused[t] = false, false
	s.replace(r)
}
