package main

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

type roleEntry = astrosim.Role

// oracle answers whether Astro would refuse a change. Astro's rules depend on so many switches that writing them down twice
// would prove nothing, so the simulated Astro is asked what it would answer. Nothing is changed by that.
type oracle struct {
	world *world

	mu   sync.Mutex
	told map[question]int // so that the history has each answer once
}

type question struct {
	place
	role string // "" to take the role out
}

func newOracle(w *world) *oracle { return &oracle{world: w, told: map[question]int{}} }

// refuses asks Astro, as somebody who may change everything.
func (o *oracle) refuses(p place, role string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, there := o.world.sim.Token(p.token); !there {
		return false
	}
	code, q := o.world.sim.TryRoles(o.world.owner, p.token, o.changed(p, role)...), question{p, role}
	if o.told[q] != code {
		o.world.history.notef("oracle", "Astro would answer %d to %q on %s for %s", code, role, p.target, p.token)
		o.told[q] = code
	}
	return code != http.StatusOK
}

// changed is the token's set with one change.
func (o *oracle) changed(p place, role string) []astrosim.Role {
	var set []astrosim.Role
	for _, r := range o.world.sim.Roles(p.token) {
		if r.EntityType != p.kind || r.EntityID != p.target {
			set = append(set, r)
		}
	}
	if role != "" {
		set = append(set, astrosim.RawRole(fmt.Sprintf(`{"entityType":%q,"entityId":%q,"role":%q}`, p.kind, p.target, role)))
	}
	return set
}
