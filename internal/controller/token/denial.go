package token

import (
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// denial is a place in the token's role set that a connection may not write.
type denial struct {
	conn   connection.Key
	target roleset.Target
}

// owner is the member for which a change is made, and with whose credential: of those who want it, the first through
// whose connection Astro does not forbid it.
func (g *group) owner(c roleset.Change) *member {
	for _, id := range c.Claims {
		if m := g.member(id); !g.denied[denial{m.conn.Key, c.Target}] {
			return m
		}
	}
	return g.member(c.Claims[0])
}

// deny notes that a connection may not make a change. If another one may, that one is asked.
func (g *group) deny(k connection.Key, c roleset.Change) {
	g.denied[denial{k, c.Target}] = true
	g.passed = g.passed || g.owner(c).conn.Key != k
}

// passOn reports whether there is a change that another connection is to be asked for.
func (g *group) passOn() bool {
	passed := g.passed
	if passed {
		g.passed, g.forbidden = false, 0
	}
	return passed
}

// recallDenials remembers which connections were not allowed a change that others want as well, until it is tried again.
func (r *Reconciler) recallDenials(g *group, plan roleset.Plan) {
	for _, c := range plan.Changes {
		if len(c.Claims) < 2 {
			continue
		}
		for _, id := range c.Claims {
			m := g.member(id)
			old, refused := r.memory.refusal(g.key, c, specOf(m.binding))
			if refused && old.forbidden && !m.requested() && r.Clock().Sub(old.at) < retryAfter(m.conn) {
				g.denied[denial{m.conn.Key, c.Target}] = true
			}
		}
	}
}
