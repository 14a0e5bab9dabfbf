package main

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
)

// A reconcile gathers in steps, between which the watch may deliver: what one step has seen is not what the next one sees.
const (
	gatherByID    = iota // bindings that the cache shows under the token's id
	gatherJournal        // what the journal knows of them and of others, and orphans
	gatherByName         // bindings that the cache shows under the token's name alone
	gatherAgain          // those under its id once more
	gatherSteps
)

// gathering is what a reconcile has gathered so far. It is a value: a step makes another one.
type gathering struct {
	next     int // the step that comes
	lagging  bool
	bindings []decision.Binding
}

// startGathering takes the first step, or all of them where the scenario does not look into them.
func (s *state) startGathering(lagging bool) {
	s.proc.queued, s.proc.timer = false, false
	s.proc.gathering = &gathering{lagging: lagging}
	s.gather()
	for s.proc.gathering != nil && !s.scenario.gathers {
		s.gather()
	}
}

// gather takes the next step. The last one begins the reconcile.
func (s *state) gather() {
	g := *s.proc.gathering
	switch g.next {
	case gatherByID, gatherAgain:
		g.bindings = s.withCached(g.bindings, true)
	case gatherJournal:
		g.bindings = s.withJournal(g.bindings)
	case gatherByName:
		g.bindings = s.withCached(g.bindings, false)
	}
	g.next++
	behind := (g.next == gatherByName || g.next == gatherSteps) && s.behind(g.bindings)
	if g.next < gatherSteps && !behind {
		s.proc.gathering = &g
		return
	}
	s.proc.gathering = nil
	for n := range names {
		s.ownShown(n)
	}
	if behind {
		s.proc.timer = true
		return
	}
	s.begin(g)
}

// behind reports whether one of the bindings was seen as it was before the process wrote it.
func (s *state) behind(all []decision.Binding) bool {
	return slices.ContainsFunc(all, func(b decision.Binding) bool {
		own := s.proc.own[slices.Index(names[:], b.Object.Name)]
		return own != nil && own.UID == b.Object.UID && version(b.Object) < version(own.ScopedTokenBinding)
	})
}

// begin begins a reconcile with what was gathered.
func (s *state) begin(g gathering) {
	if len(g.bindings) == 0 {
		return
	}
	slices.SortStableFunc(g.bindings, func(a, b decision.Binding) int { return cmp.Compare(a.ID(), b.ID()) })
	shown := s.look(g.lagging)
	situation := decision.Situation{
		Key: decision.Key{Host: host, Organization: org, Token: tokenID}, Now: s.now(), Began: at(s.proc.began), Bindings: g.bindings,
		Token:  decision.Observation{Token: shown.token(), Presence: decision.Present},
		Memory: s.proc.memory,
	}
	r := &run{shown: shown, given: s.given, code: s.codeOfBegin(g.bindings, shown)}
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

// pinned reports whether a binding stands under the id of its token: it names it so, or its status says which one it is.
func pinned(b *v1alpha1.ScopedTokenBinding) bool {
	return b.Spec.Token.ID != "" || b.Status.Token.ID != ""
}

// withCached adds the bindings that the cache shows and that were not there yet.
func (s *state) withCached(all []decision.Binding, byID bool) []decision.Binding {
	all = slices.Clone(all)
	for n := range names {
		if o := s.cache[n]; o != nil && pinned(o.ScopedTokenBinding) == byID && !has(all, o.UID) {
			all = append(all, binding(o.ScopedTokenBinding, false))
		}
	}
	return all
}

func has(all []decision.Binding, uid types.UID) bool {
	return slices.ContainsFunc(all, func(b decision.Binding) bool { return b.Object.UID == uid })
}

// withJournal adds orphans, and those of the journal's entries.
func (s *state) withJournal(before []decision.Binding) []decision.Binding {
	var all []decision.Binding
	for _, b := range before {
		all = append(all, s.joined(b))
	}
	for _, o := range s.proc.orphans {
		all = append(all, s.joined(binding(o.object.ScopedTokenBinding, true)))
	}
	for i := range s.proc.journal {
		k := s.proc.journal[i]
		if k.cleared || has(all, k.uid) {
			continue
		}
		if live := s.server[k.name]; live != nil && live.UID == k.uid { // the cache is behind
			all = append(all, s.joined(binding(live.ScopedTokenBinding, false)))
		} else {
			all = append(all, s.joined(binding(k.object(), true)))
		}
	}
	return all
}

// binding is an object with the claim of its status.
func binding(o *v1alpha1.ScopedTokenBinding, gone bool) decision.Binding {
	b := decision.Binding{Object: o, Orphan: gone, Connection: connections[connOf(o)], Claim: pin.Claimed(o)}
	if b.NeedsTarget() {
		b.Target = decision.TargetFinding{Looked: true, Found: []astro.Target{{
			Kind: astro.EntityDeployment, ID: string(o.Spec.Target.ID), Name: "named " + string(o.Spec.Target.ID), WorkspaceID: "w1",
		}}}
	}
	return b
}

// joined is a binding with the claim of its status or that of the journal, whichever is later.
func (s *state) joined(b decision.Binding) decision.Binding {
	o := b.Object
	k := s.proc.knownOf(o.UID)
	switch {
	case k == nil:
	case k.leaving, k.claim.ClaimedAt.After(pin.LastClaimed(o)):
		claim := k.claim
		b.Claim, b.Journaled = &claim, true
		if k.recovered >= 0 {
			b.Recovered = at(k.recovered)
		}
	default:
		s.proc.clear(o.UID) // the status is later
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
	c.bindings(bindings)
	c.roleSet(shown)
	c.memory(s.proc.memory)
	c = append(c, s.tick, byte(s.proc.began))
	return hashOf(c)
}
