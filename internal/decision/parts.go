package decision

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// decide decides on the present situation, and sets out what is tried next.
func (p Progress) decide() Progress {
	p.Situation = p.Situation.withRoles()
	p.Situation.Bindings = p.Situation.withoutLapsed()
	p.Decision = Decide(p.Situation)
	p.parts = p.nextParts()
	return p
}

// nextParts drops what needs not be tried any more, and once a connection's changes are through, takes up those of the
// next. Changes that Astro refused before come after the others, each by itself, so that they keep nobody waiting.
func (p Progress) nextParts() [][]roleset.Target {
	tried := map[roleset.Target]Change{}
	for _, c := range p.Decision.Changes {
		if c.Refused == nil {
			tried[c.Target] = c
		}
	}
	for at, part := range p.parts {
		for _, t := range part {
			if _, wanted := tried[t]; wanted {
				return p.joined(p.parts[at:])
			}
		}
	}
	if len(tried) == 0 {
		return nil
	}
	return p.freshParts()
}

// joined adds to the part that is about to be written, if it is the only one, what was declared while its slot was waited
// for, where the journal needs no entry for it: a role that was edited, or is to be revoked.
func (p Progress) joined(parts [][]roleset.Target) [][]roleset.Target {
	in := map[roleset.Target]bool{}
	for _, t := range parts[0] {
		in[t] = true
	}
	first := slices.IndexFunc(p.Decision.Changes, func(c Change) bool { return in[c.Target] && c.Refused == nil })
	if !p.slot || len(parts) > 1 || p.Decision.Changes[first].Alone {
		return parts
	}
	part := slices.Clone(parts[0])
	for _, c := range p.Decision.Changes {
		if !in[c.Target] && c.Refused == nil && !c.Alone && !p.takesClaim(c) && p.Situation.shareCredential(p.Decision.Changes[first].Owner, c.Owner) {
			part = append(part, c.Target)
		}
	}
	return [][]roleset.Target{part}
}

// takesClaim reports whether a claim is taken with a change.
func (p Progress) takesClaim(c Change) bool {
	return slices.ContainsFunc(c.Claims, func(id string) bool {
		_, takes := p.Decision.claims[p.Decision.byID[id]]
		return takes
	})
}

// freshParts sets out the changes that can be written with one credential, and after them those that are tried by themselves.
func (p Progress) freshParts() (parts [][]roleset.Target) {
	first, news := -1, 0
	var part []roleset.Target
	var alone [][]roleset.Target
	for _, c := range p.Decision.Changes {
		switch {
		case c.Refused != nil:
		case c.Alone:
			alone = append(alone, []roleset.Target{c.Target})
		case first < 0 || p.Situation.shareCredential(first, c.Owner):
			first = c.Owner
			if news += p.newClaims(c); news > maxClaims && len(part) > 0 {
				return append(parts, part)
			}
			part = append(part, c.Target)
		}
	}
	if len(part) > 0 {
		return append(parts, part)
	}
	return alone
}

// newClaims counts the claims that a change would need in the journal.
func (p Progress) newClaims(c Change) (n int) {
	for _, id := range c.Claims {
		if p.Situation.Bindings[p.Decision.byID[id]].Claim == nil {
			n++
		}
	}
	return n
}

// part are the changes that are tried together now, all with one credential.
func (p Progress) part() (part []Change) {
	if len(p.parts) == 0 {
		return nil
	}
	in := map[roleset.Target]bool{}
	for _, t := range p.parts[0] {
		in[t] = true
	}
	for _, c := range p.Decision.Changes {
		if in[c.Target] && c.Refused == nil && (len(part) == 0 || p.Situation.shareCredential(part[0].Owner, c.Owner)) {
			part = append(part, c)
		}
	}
	return part
}

func (p Progress) through(part []Change) string {
	return p.Situation.Bindings[part[0].Owner].Connection.ID
}

// unpermitted are removals about which the revocation limit of their connection was not asked yet, one connection at a time.
func (p Progress) unpermitted(part []Change) (ask MayRevoke) {
	for _, c := range part {
		through := p.Situation.Bindings[c.Owner].Connection.ID
		if _, asked := p.permitted[c.Target]; c.To == "" && !asked && (ask.Through == "" || ask.Through == through) {
			if ask.Namespaces == nil {
				ask.Namespaces = map[roleset.Target]string{}
			}
			ask.Through, ask.Targets = through, append(ask.Targets, c.Target)
			ask.Namespaces[c.Target] = p.Situation.Bindings[c.Owner].Object.Namespace
		}
	}
	return ask
}

// unjournaled are the claims for which a part of the changes is made, and that the journal does not hold as they are.
func (p Progress) unjournaled(part []Change) map[types.UID]pin.Claim {
	missing := map[types.UID]pin.Claim{}
	for _, c := range part {
		for _, id := range c.Claims {
			i := p.Decision.byID[id]
			claim, takes := p.Decision.claims[i]
			uid := p.Situation.Bindings[i].Object.UID
			retains := p.Situation.Bindings[i].Retains() // an edit, since, would be forgotten with the object
			if pending := p.Situation.Pending[uid]; takes && (!pending.Journaled || pending.Claim != claim || pending.Retain != retains) {
				missing[uid] = claim
			}
		}
	}
	return missing
}

// roles is the set to be written.
func (p Progress) roles(part []Change) []astro.Role {
	changes := make([]roleset.Change, 0, len(part))
	for _, c := range part {
		changes = append(changes, c.Change)
	}
	dropped := map[astro.RoleKey]bool{}
	for _, r := range p.dropped(part) {
		dropped[r.Key()] = true
	}
	return slices.DeleteFunc(roleset.Apply(p.Situation.Token.Token.Roles, changes), func(r astro.Role) bool { return dropped[r.Key()] })
}

// dropped are the token's dead roles that a set goes without. Where a change speaks of the place, what it gives there, be it the same
// role again, is for Astro to judge.
func (p Progress) dropped(part []Change) (all []astro.Role) {
	for _, r := range p.Situation.Token.Token.Roles {
		if p.Situation.Drop[r.Key()] && !slices.ContainsFunc(part, func(c Change) bool { return c.Target.Key() == r.Key() }) {
			all = append(all, r)
		}
	}
	return all
}

// droppedFrom are those of them that bindings declare, as the removals that they are.
func (p Progress) droppedFrom(part []Change) (all []Change) {
	declared := p.Situation.places(&p.Decision, func(int) bool { return true })
	for _, r := range p.dropped(part) {
		if declared[r.Key()] {
			all = append(all, Change{Change: roleset.Change{Target: roleset.Target{Kind: r.EntityType, ID: r.EntityID}, From: r.Role}})
		}
	}
	return all
}

// places are the places in the role set of the bindings that fit.
func (s *Situation) places(d *Decision, fits func(i int) bool) map[astro.RoleKey]bool {
	all := map[astro.RoleKey]bool{}
	for i := range s.Bindings {
		if fits(i) {
			all[s.entry(d, i).Key()] = true
		}
	}
	return all
}
