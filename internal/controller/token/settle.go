package token

import (
	"context"

	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// rounds is how often claims are taken anew in one reconcile before the queue is asked for another.
const rounds = 3

// settle brings Astro to what the members declare: take the claims, look at the token once more, and replace its roles
// where they differ. Nothing is asked where the listing shows everything in place and nobody has edited anything.
func (r *Reconciler) settle(ctx context.Context, g *group) {
	for range rounds {
		g.plan()
		r.hold(ctx, g)
		plan := g.plan()
		work := g.work(plan)
		if len(work) == 0 {
			return
		}
		again := false
		for _, h := range work {
			again = r.apply(ctx, g, h, plan) || again
		}
		if !again {
			break
		}
		if err := r.retake(ctx, g); err != nil {
			g.outcome.retry(err)
			break
		}
	}
	g.conclude()
}

// conclude compares once more. Claims that were taken now count as held.
func (g *group) conclude() {
	for _, m := range g.members {
		if g.lost[m.conn.Key] == nil {
			m.takes = false
		}
	}
	g.plan()
}

// work lists the connections through which something is to be written or looked at, in the order of the changes.
func (g *group) work(plan roleset.Plan) []connection.Handle {
	var all []connection.Handle
	seen := map[connection.Key]bool{}
	add := func(m *member) {
		if m != nil && g.reaches(m) && !seen[m.conn.Key] {
			seen[m.conn.Key] = true
			all = append(all, m.conn)
		}
	}
	for _, c := range plan.Changes {
		add(g.owner(c))
	}
	for _, m := range g.members {
		if m.needsLook() && !g.fresh {
			add(m)
		}
	}
	return all
}

// owner is the member for which a change is made, and with whose credential.
func (g *group) owner(c roleset.Change) *member { return g.member(c.Claims[0]) }

// needsLook reports whether the listing is not good enough for the member: it takes its claim, it leaves, its spec is
// new, or the user asks. What is said of such a member rests on a read of its token.
func (m *member) needsLook() bool {
	wanted := m.class == roleset.Want || (m.observes() && m.fault == nil && !m.leaving())
	return m.takes || m.class == roleset.Leave ||
		(wanted && (m.requested() || !m.looked()))
}
