package main

import (
	"cmp"
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

// begin gathers what there is to decide on, from the cache, the journal and the orphans, and begins a reconcile.
func (s *state) begin(lagging bool) {
	s.proc.queued, s.proc.timer = false, false
	bindings := s.gather()
	if len(bindings) == 0 {
		return
	}
	shown := s.look(lagging)
	situation := decision.Situation{
		Key: decision.Key{Host: host, Organization: org, Token: tokenID}, Now: s.now(), Began: at(s.proc.began), Bindings: bindings,
		Token:  decision.Observation{Token: shown.token(), Presence: decision.Present},
		Memory: s.proc.memory,
	}
	r := &run{shown: shown, given: s.given, code: s.codeOfBegin(bindings, shown)}
	s.advance(r, decision.Begin(situation))
}

// look is what Astro shows now, or showed a moment ago. What the process has seen or written it does not forget.
func (s *state) look(lagging bool) roleSet {
	if lagging {
		s.budget[budgetLag]--
		return s.astro.before
	}
	s.proc.seen = true
	return s.astro.now
}

// gather are the bindings that the cache has, those of the journal's entries, and orphans, in their order.
func (s *state) gather() []decision.Binding {
	var all []decision.Binding
	taken := map[string]bool{}
	add := func(b decision.Binding) {
		taken[string(b.Object.UID)] = true
		all = append(all, b)
	}
	for _, o := range s.proc.orphans {
		add(s.binding(o.object.ScopedTokenBinding, true))
	}
	for n := range names {
		if o := s.cache[n]; o != nil && !taken[string(o.UID)] {
			add(s.binding(o.ScopedTokenBinding, false))
		}
	}
	for i := range s.proc.journal {
		k := s.proc.journal[i]
		if k.cleared || taken[string(k.uid)] {
			continue
		}
		if live := s.server[k.name]; live != nil && live.UID == k.uid { // the cache is behind
			add(s.binding(live.ScopedTokenBinding, false))
		} else {
			add(s.binding(k.object(), true))
		}
	}
	slices.SortFunc(all, func(a, b decision.Binding) int { return cmp.Compare(a.ID(), b.ID()) })
	return all
}

// binding is an object with its claim: that of its status or that of the journal, whichever is later.
func (s *state) binding(o *v1alpha1.ScopedTokenBinding, gone bool) decision.Binding {
	b := decision.Binding{Object: o, Orphan: gone, Connection: connections[connOf(o)], Claim: pin.Claimed(o)}
	if k := s.proc.knownOf(o.UID); k != nil {
		switch {
		case k.leaving, k.claim.ClaimedAt.After(pin.LastClaimed(o)):
			claim := k.claim
			b.Claim, b.Journaled = &claim, true
			if k.recovered >= 0 {
				b.Recovered = at(k.recovered)
			}
		default:
			s.proc.clear(o.UID) // the status is later
		}
	}
	if b.NeedsTarget() {
		b.Target = decision.TargetFinding{Looked: true, Found: []astro.Target{{
			Kind: astro.EntityDeployment, ID: string(o.Spec.Target.ID), Name: "named " + string(o.Spec.Target.ID), WorkspaceID: "w1",
		}}}
	}
	return b
}

// object is what the journal knows of an object that is gone.
func (k *known) object() *v1alpha1.ScopedTokenBinding {
	t := template{conn: k.conn, role: slices.Index(roles, k.claim.Role), target: slices.Index(targets[:], k.claim.Target)}
	if k.retain {
		t.policy = v1alpha1.DeletionRetain
	}
	b := newObject(k.name, 0, t)
	b.UID = k.uid
	return b
}

// refresh looks at the bindings again after a wait, as the cache has them now if that is later. Those that are gone are
// left out.
func (s *state) refresh(before []decision.Binding) []decision.Binding {
	now := make([]decision.Binding, 0, len(before))
	for _, b := range before {
		if b.Orphan {
			now = append(now, b)
			continue
		}
		cached := s.cache[slices.Index(names[:], b.Object.Name)]
		if cached == nil || cached.UID != b.Object.UID {
			continue
		}
		if version(cached.ScopedTokenBinding) > version(b.Object) {
			b.Object = cached.ScopedTokenBinding
		}
		now = append(now, b)
	}
	return now
}

func (s *state) codeOfBegin(bindings []decision.Binding, shown roleSet) hash {
	c := code{}
	for i := range bindings {
		b := &bindings[i]
		c.text(codeOf(b.Object))
		c.flags(b.Orphan, b.Journaled, b.Claim != nil)
		c.number(b.Recovered.Unix())
		if b.Claim != nil {
			c.claim(b.Claim)
		}
	}
	c.roleSet(shown)
	c.memory(s.proc.memory)
	c = append(c, s.tick, byte(s.proc.began))
	return hashOf(c)
}
