package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"hash/fnv"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// hash names a state. States of one hash are taken for the same.
type hash [16]byte

func hashOf(parts ...[]byte) (h hash) {
	sum := sha256.New()
	for _, p := range parts {
		sum.Write(p)
	}
	copy(h[:], sum.Sum(nil))
	return h
}

// code is a byte string that is being made.
type code []byte

func (c *code) text(s string) {
	c.number(int64(len(s)))
	*c = append(*c, s...)
}

func (c *code) number(n int64) { *c = binary.AppendVarint(*c, n) }

func (c *code) flags(all ...bool) {
	n := byte(0)
	for i, is := range all {
		if is {
			n |= 1 << i
		}
	}
	*c = append(*c, n)
}

// codeOf is the byte string of an object: all that anybody reads of it.
func codeOf(b *v1alpha1.ScopedTokenBinding) string {
	var c code
	c.text(string(b.UID))
	c.text(b.ResourceVersion)
	c.number(b.Generation)
	c.flags(len(b.Finalizers) > 0, b.DeletionTimestamp != nil, released(b), observes(b), b.Spec.Suspend)
	for _, s := range []string{b.Spec.ConnectionRef.Name, string(b.Spec.Target.ID), b.Spec.Role, string(b.Spec.Adopt), string(b.Spec.DeletionPolicy)} {
		c.text(s)
	}
	c.status(&b.Status)
	return string(c)
}

func (c *code) status(st *v1alpha1.ScopedTokenBindingStatus) {
	c.number(st.ObservedGeneration)
	for _, s := range []string{st.OrganizationID, st.Token.ID, st.Token.Name, st.Target.ID, st.Role, string(st.Origin), st.PreviousRole, st.PlannedChange} {
		c.text(s)
	}
	if st.Claim != nil {
		c.text(string(st.Claim.UID))
		c.text(string(st.Claim.State))
		c.text(st.Claim.GrantedRole)
		c.number(st.Claim.ClaimedAt.UnixMicro() - epoch.UnixMicro())
	}
	for _, cond := range st.Conditions {
		sum := fnv.New64a()
		sum.Write([]byte(cond.Message))
		c.text(cond.Type)
		c.text(string(cond.Status))
		c.text(cond.Reason)
		c.number(cond.ObservedGeneration)
		*c = sum.Sum(*c)
	}
}

// encode appends the bytes of a state: everything that what may happen next depends on.
func (s *state) encode(c code) code {
	for n := range names {
		c.object(s.server[n])
		c.object(s.cache[n])
		c.object(s.proc.own[n])
		c = append(c, s.made[n])
		c.number(int64(s.writes[n]))
		c.text(string(s.granted[n]))
	}
	c.flags(s.stale[:]...)
	c.number(int64(len(s.events)))
	for _, e := range s.events {
		c.object(e.object)
		c.flags(e.deleted)
	}
	c.number(int64(len(s.stored)))
	for i := range s.stored {
		c.entry(&s.stored[i])
	}
	c.astro(&s.astro)
	c.process(&s.proc)
	c = append(c, s.tick)
	c = append(c, s.budget[:]...)
	c.flags(s.given[:]...)
	c.flags(s.excused[:]...)
	return c
}

func (c *code) object(o *object) {
	if o == nil {
		*c = append(*c, 0)
		return
	}
	*c = append(*c, 1)
	*c = append(*c, o.code...)
}

func (c *code) entry(e *entry) {
	c.text(string(e.uid))
	c.flags(e.leaving, e.retain)
	c.claim(&e.claim)
}

func (c *code) claim(p *pin.Claim) {
	c.text(p.Target)
	c.text(p.Role)
	c.text(string(p.Origin))
	c.text(p.PreviousRole)
	c.number(p.ClaimedAt.UnixMicro() - epoch.UnixMicro())
}

func (c *code) roleSet(r roleSet) {
	*c = append(*c, r.on[:]...)
	c.flags(r.unknown)
}

func (c *code) astro(a *astroState) {
	c.roleSet(a.now)
	c.roleSet(a.before)
	for _, f := range []*flight{a.flight, a.late} {
		if f == nil {
			*c = append(*c, 0)
			continue
		}
		c.roleSet(f.roles)
		c.flags(true, f.arrived, f.before, f.refused != nil, f.targets[0], f.targets[1], f.given[0], f.given[1])
	}
}

func (c *code) process(p *process) {
	c.flags(p.queued, p.timer, p.seen)
	*c = append(*c, byte(p.began))
	for i := range p.journal {
		k := &p.journal[i]
		c.entry(&k.entry)
		*c = append(*c, byte(k.recovered))
		c.flags(k.cleared)
	}
	c.number(int64(len(p.orphans)))
	for _, o := range p.orphans {
		c.object(o.object)
		c.flags(o.tried)
	}
	uids := make([]string, 0, len(p.released))
	for uid := range p.released {
		uids = append(uids, string(uid))
	}
	slices.Sort(uids)
	for _, uid := range uids {
		c.text(uid)
	}
	c.memory(p.memory)
	if g := p.gathering; g != nil {
		c.number(int64(g.next) + 1)
		c.flags(g.lagging)
		c.bindings(g.bindings)
	}
	if p.run != nil {
		*c = append(*c, p.run.code[:]...)
		*c = append(*c, p.run.partial...)
	}
}

func (c *code) bindings(all []decision.Binding) {
	for i := range all {
		b := &all[i]
		c.text(codeOf(b.Object))
		c.flags(b.Orphan, b.Journaled, b.Claim != nil)
		c.number(b.Recovered.Unix())
		if b.Claim != nil {
			c.claim(b.Claim)
		}
	}
}

func (c *code) memory(m decision.Memory) {
	refusals := make([]decision.Attempt, 0, len(m.Refusals))
	for a := range m.Refusals {
		refusals = append(refusals, a)
	}
	slices.SortFunc(refusals, func(a, b decision.Attempt) int {
		return cmp.Or(cmp.Compare(a.Binding, b.Binding), cmp.Compare(a.Target.ID, b.Target.ID), cmp.Compare(a.To, b.To))
	})
	for _, a := range refusals {
		r := m.Refusals[a]
		c.text(string(a.Binding) + a.Target.ID + a.To + r.Credential)
		c.number(r.Generation)
		c.number(r.At.Unix() - epoch.Unix())
	}
	contended := make([]types.UID, 0, len(m.Contentions))
	for uid := range m.Contentions {
		contended = append(contended, uid)
	}
	slices.Sort(contended)
	for _, uid := range contended {
		c.text(string(uid))
		c.number(m.Contentions[uid].Generation)
		for _, at := range m.Contentions[uid].Restored {
			c.number(at.Unix() - epoch.Unix())
		}
	}
	unanswered := make([]roleset.Target, 0, len(m.Unanswered))
	for t := range m.Unanswered {
		unanswered = append(unanswered, t)
	}
	slices.SortFunc(unanswered, func(a, b roleset.Target) int { return cmp.Compare(a.ID, b.ID) })
	for _, t := range unanswered {
		c.text(t.ID)
		c.number(m.Unanswered[t].Unix() - epoch.Unix())
	}
	c.arriving(m)
	untold := slices.SortedFunc(maps.Keys(m.Untold), func(a, b roleset.Target) int { return cmp.Compare(a.ID, b.ID) })
	for _, t := range untold {
		c.text(t.ID + "=" + m.Untold[t])
	}
	writers := make([]string, 0, len(m.Writers))
	for w := range m.Writers {
		writers = append(writers, w)
	}
	slices.Sort(writers)
	for _, w := range writers {
		c.text(w)
		c.flags(m.Writers[w])
	}
	for _, w := range slices.Sorted(maps.Keys(m.Forbidden)) {
		c.text("forbidden " + w)
	}
	for _, w := range slices.Sorted(maps.Keys(m.Again)) {
		c.text("again " + w)
	}
	wrote := slices.SortedFunc(maps.Keys(m.Wrote), func(a, b decision.Writing) int {
		return cmp.Or(cmp.Compare(a.Credential, b.Credential), cmp.Compare(a.Target.ID, b.Target.ID))
	})
	for _, w := range wrote {
		c.text(w.Credential + " wrote " + w.Target.ID)
		c.number(m.Wrote[w].At.Unix() - epoch.Unix())
	}
	for _, w := range slices.Sorted(maps.Keys(m.Undecided)) {
		c.text(w)
		c.number(m.Undecided[w].Unix() - epoch.Unix())
	}
}

func (c *code) arriving(m decision.Memory) {
	all := slices.SortedFunc(maps.Keys(m.Arriving), func(a, b decision.Made) int {
		return cmp.Or(cmp.Compare(a.Target.ID, b.Target.ID), cmp.Compare(a.Role, b.Role))
	})
	for _, made := range all {
		c.text(made.Target.ID + "=" + made.Role)
		c.number(m.Arriving[made].Unix() - epoch.Unix())
	}
}
