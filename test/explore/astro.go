package main

import (
	"encoding/json"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// roleSet is what the token holds: a role on each target, by its place among roles, and a role of a kind that nobody
// knows. Its role on its own scope is always there.
type roleSet struct {
	on      [maxTargets]uint8
	unknown bool
}

// astroState is Astro's side of the token.
type astroState struct {
	now, before roleSet // before is what a read that lags may still show
	flight      *flight // a write that the operator waits for
	late        *flight // a write that nobody waits for any more, and that may still arrive
}

// flight is a write that was sent and is not answered.
type flight struct {
	roles   roleSet
	targets [maxTargets]bool // of its changes
	given   [maxTargets]bool // what was the operator's own as it was read, which is written back
	uids    []types.UID      // bindings that it gives a role
	refused error            // Astro will refuse it
	arrived bool             // Astro has taken it, or refused it
	before  bool             // of a process before this one
}

// Two roles that are nobody's business, with a field and a kind that the operator does not know.
var (
	ownRole     = wire(`{"entityType":"ORGANIZATION","entityId":"org","role":"ORGANIZATION_MEMBER","since":1}`)
	unknownRole = wire(`{"entityType":"PROJECT","entityId":"p1","role":"PROJECT_READER","color":"red"}`)
)

func wire(text string) astro.Role {
	var r astro.Role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		panic(err)
	}
	return r
}

// token is the token as Astro shows it.
func (r roleSet) token() astro.Token {
	all := []astro.Role{ownRole}
	for t, on := range r.on {
		if on != 0 {
			all = append(all, astro.NewRole(astro.EntityDeployment, targets[t], roles[on]))
		}
	}
	if r.unknown {
		all = append(all, unknownRole)
	}
	return astro.Token{
		ID: tokenID, Name: tokenName, Scope: astro.ScopeOrganization, Kind: astro.KindStandard, Roles: all, RolesKnown: true, CreatedAt: epoch,
	}
}

// roleSetOf is what a write would make of the token, or why nobody may write that.
func roleSetOf(all []astro.Role) (r roleSet, err error) {
	own := false
	for _, entry := range all {
		at := slices.Index(targets[:], entry.EntityID)
		switch {
		case entry.Equal(ownRole):
			own = true
		case entry.Equal(unknownRole):
			r.unknown = true
		case entry.EntityType == astro.EntityDeployment && at >= 0 && r.on[at] == 0:
			r.on[at] = uint8(max(0, slices.Index(roles, entry.Role)))
		default:
			return r, fmt.Errorf("the write holds an entry that was not there: %s %s %s", entry.EntityType, entry.EntityID, entry.Role)
		}
	}
	if !own {
		return r, fmt.Errorf("the write drops the token's role on its own scope")
	}
	return r, nil
}

// replace makes the role set another one. The operator has not seen it yet.
func (s *state) replace(r roleSet) {
	s.astro.before, s.astro.now = s.astro.now, r
	s.proc.seen = false
}

// arrive lets the write that is waited for reach Astro. One of this process that nobody waits for any more may come after it; those of a
// process before have arrived by then, or never do, since a lease is waited out in between.
func (s *state) arrive() {
	f := *s.astro.flight
	f.arrived = true
	s.astro.flight = &f
	if late := s.astro.late; late != nil && late.before {
		s.astro.late = nil
	}
	s.apply(&f)
	s.proc.seen = f.refused == nil || s.proc.seen
}

// arriveLate lets a write reach Astro that nobody waits for any more.
func (s *state) arriveLate() {
	f := s.astro.late
	s.astro.late = nil
	excused := s.excused
	s.apply(f)
	s.excused = excused // what was let go while it was on its way stays let go
}

func (s *state) apply(f *flight) {
	if f.refused != nil {
		return
	}
	for t := range targets {
		if f.targets[t] {
			s.given[t] = f.roles.on[t] != 0
			s.excused[t] = s.excused[t] && s.given[t] // as long as nobody claims it
		} else if f.roles.on[t] != s.astro.now.on[t] {
			s.given[t] = f.given[t]
		}
	}
	for _, uid := range f.uids {
		if o := s.server[s.grant(uid)]; o != nil && o.UID == uid {
			s.excused[target(o.ScopedTokenBinding)] = false
		}
	}
	s.replace(f.roles)
}

// grant remembers that Astro took a role for an object, or that nobody can know that it did not.
func (s *state) grant(uid types.UID) (name int) {
	name = slices.Index(names[:], string(uid[:1]))
	s.granted[name] = uid
	return name
}

// abandon leaves a write on its way that nobody waits for any more. What it did nobody has seen.
func (s *state) abandon() {
	f := s.astro.flight
	s.astro.flight = nil
	if f == nil {
		return
	}
	if !f.arrived {
		s.astro.late = f
	}
	for _, uid := range f.uids {
		s.grant(uid)
	}
	s.proc.seen = false
}
