package token

import (
	"context"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// rounds is how often claims are taken anew in one reconcile before the queue is asked for another.
const rounds = 3

// settle brings Astro to what the members declare: take the claims, look at the token once more, and replace its roles
// where they differ. Nothing is asked where the listing shows everything in place and nobody has edited anything.
func (r *Reconciler) settle(ctx context.Context, g *group) {
	for range rounds {
		r.recallDenials(g, g.plan())
		r.lookBeforeClaim(ctx, g)
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
		if !again && !g.passOn() && !g.giveWay() {
			break
		}
		if err := r.retake(ctx, g); err != nil {
			g.outcome.retry(err)
			break
		}
	}
	r.conclude(ctx, g)
}

// giveWay lets the roles of leavers go whose place another member was to take with a role that Astro refuses. Else that
// refusal would keep up what nobody declares any more. It reports whether there is anything new to write.
func (g *group) giveWay() bool {
	gave := false
	for _, m := range g.members {
		f := g.failures[m.entry()]
		if m.class != roleset.Leave || m.verdict.Observed == "" || f == nil || !f.refused {
			continue
		}
		for _, o := range g.wanting(m.entry()) {
			o.class, o.fault = roleset.None, f
		}
		delete(g.failures, m.entry())
		gave = true
	}
	return gave
}

// lookBeforeClaim reads the token by id where a member is about to take a claim that may not take an existing role over.
// The listing may be older than such a role, and a claim once held is not asked again.
func (r *Reconciler) lookBeforeClaim(ctx context.Context, g *group) {
	for _, m := range g.members {
		if g.fresh || !m.mustHold() || m.held != nil || m.claim().Adopt == roleset.AdoptAlways {
			continue
		}
		asked := r.Clock()
		t, err := read(ctx, m.conn, g.key.Token)
		if err != nil {
			r.reportUnauthorized(m.conn, err)
			m.class, m.fault = roleset.None, failed(v1alpha1.ConditionSynced, "read the token", err)
			g.outcome.retry(err)
			continue
		}
		r.Registry.Record(m.conn, t, asked)
		renamed := t.Name != g.token.Name
		g.token, g.fresh = t, true
		if renamed {
			r.startOver(ctx, g)
			return
		}
		g.plan()
	}
}

// conclude compares once more. Claims that were taken now count as held, and what another member's change has brought
// about for a member is claimed as well before it is reported.
func (r *Reconciler) conclude(ctx context.Context, g *group) {
	g.settleClaims()
	r.hold(ctx, g)
	g.settleClaims()
}

func (g *group) settleClaims() {
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

// needsLook reports whether the listing is not good enough for the member: it takes its claim, it leaves, its spec is
// new, or the user asks. What is said of such a member rests on a read of its token.
func (m *member) needsLook() bool {
	wanted := m.class == roleset.Want || (m.observes() && m.fault == nil && !m.leaving())
	return m.takes || m.class == roleset.Leave ||
		(wanted && (m.requested() || !m.looked()))
}
