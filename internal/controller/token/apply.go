package token

import (
	"context"
	"errors"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// lookAgain is how long to wait before a write that Astro took but does not show is looked at again.
const lookAgain = 5 * time.Second

// hopeless is how many changes Astro has to forbid by themselves, taking none, before the rest is spared the try.
const hopeless = 2

// apply makes the changes that belong to one connection, with its credential. Changes that Astro refused before are
// tried after the others, each by itself, so that they keep nobody waiting. again says that claims have to be taken
// anew first.
func (r *Reconciler) apply(ctx context.Context, g *group, h connection.Handle, plan roleset.Plan) (again bool) {
	var due []roleset.Target
	held := map[roleset.Target]bool{}
	for _, c := range plan.Changes {
		m := g.owner(c)
		old, refused := r.memory.refusal(g.key, c, specOf(m.binding))
		if m.conn.Key != h.Key || !refused {
			continue
		}
		held[c.Target] = true
		if m.requested() || r.Clock().Sub(old.at) >= retryAfter(h) {
			due = append(due, c.Target)
		} else {
			g.failures[c.Target] = old.fault
		}
	}
	again = r.write(ctx, g, h, func(c roleset.Change) bool { return !held[c.Target] })
	for _, t := range due {
		again = r.write(ctx, g, h, func(c roleset.Change) bool { return c.Target == t }) || again
	}
	return again
}

// retryAfter is how long a refused change rests: until the next sweep looks at it, which may come a little early.
func retryAfter(h connection.Handle) time.Duration {
	return h.Object.ConnectionSpec().SweepInterval.Duration * 3 / 4
}

// write replaces the token's roles at most once, with the changes that are both the connection's and asked for. The set
// is planned anew from the read that immediately precedes it.
func (r *Reconciler) write(ctx context.Context, g *group, h connection.Handle, asked func(roleset.Change) bool) (again bool) {
	var sent []roleset.Change
	looked, renamed, at, name := false, false, r.Clock(), g.token.Name
	if r.waitedFor(g) {
		ctx = astro.Urgent(ctx)
	}
	update, err := h.Client.UpdateRoles(ctx, g.key.Token, func(fresh astro.Token) ([]astro.Role, bool) {
		looked, again, at = true, false, r.Clock()
		renamed = fresh.Name != name
		g.token, g.presence, g.fresh = fresh, present, true
		if renamed {
			return nil, false
		}
		r.dropVanished(ctx, g)
		plan := g.plan()
		if again = g.shifted(); again {
			return nil, false
		}
		sent = roleset.Restrict(plan, func(c roleset.Change) bool { return g.owner(c).conn.Key == h.Key && asked(c) })
		sent = slices.DeleteFunc(sent, func(c roleset.Change) bool { return r.limited(g, h, c) })
		if len(sent) == 0 {
			return nil, false
		}
		r.markSent(g, sent)
		return g.without(roleset.Apply(fresh.Roles, sent)), true
	})
	if err != nil {
		r.writeFailed(ctx, g, h, sent, looked, err)
		return again
	}
	r.takeIn(g, h, update, at)
	if renamed {
		r.startOver(ctx, g)
		return false
	}
	if !again && len(sent) > 0 {
		r.written(ctx, g, sent, update)
	}
	return again
}

// takeIn makes what Astro shows after an update what the group goes by, and lays it over the listings: as read at the time,
// or as just written.
func (r *Reconciler) takeIn(g *group, h connection.Handle, update astro.Update, at time.Time) {
	g.token = update.After
	switch {
	case update.Written && !update.Confirmed:
		// What was sent is not what was seen: without the row, the next look asks by id.
		r.Registry.Forget(g.key.Host, g.key.Organization, g.key.Token, r.Clock())
	case update.Written:
		r.Registry.Record(h, g.token, r.Clock())
	default:
		r.Registry.Record(h, g.token, at)
	}
	g.token.Roles = slices.DeleteFunc(slices.Clone(g.token.Roles), func(r astro.Role) bool {
		return slices.Contains(update.Accessors, r.Key()) // Astro's own: what the claim was on is gone
	})
}

// markSent notes for whom a change is under way: from now on, what is found in Astro may be of their own making.
func (r *Reconciler) markSent(g *group, sent []roleset.Change) {
	for _, c := range sent {
		for _, id := range c.Claims {
			m := g.member(id)
			if m.sent = true; !m.ghost && c.To != "" && !m.vouched() {
				r.ghosts.give(m.binding.UID)
			}
		}
	}
}

// without leaves out the dangling roles that are to be dropped.
func (g *group) without(roles []astro.Role) []astro.Role {
	if len(g.drop) == 0 {
		return roles
	}
	return slices.DeleteFunc(roles, func(r astro.Role) bool { return g.drop[r.Key()] })
}

// written notes what became of changes that Astro has taken.
func (r *Reconciler) written(ctx context.Context, g *group, sent []roleset.Change, update astro.Update) {
	g.accepted++
	replacements.Inc()
	log.FromContext(ctx).Info("replaced roles", "changes", len(sent), "confirmed", update.Confirmed)
	for _, c := range sent {
		r.memory.taken(g.key, c.Target)
		if c.Target.Kind == astro.EntityWorkspace && c.To != "" {
			r.memory.pardon(g.key) // a role on the Workspace may be what a Deployment's was refused for
			g.outcome.after(time.Second)
		}
		delete(g.failures, c.Target)
		if !update.Confirmed {
			g.failures[c.Target] = not(v1alpha1.ConditionSynced, v1alpha1.ReasonDriftDetected,
				"Astro took the change (%s) but does not show it yet; the operator looks again", c)
			g.outcome.after(lookAgain)
		}
		r.note(g, c)
	}
}

// note tells the members of a change what was done for them.
func (r *Reconciler) note(g *group, c roleset.Change) {
	for _, id := range c.Claims {
		m := g.member(id)
		known := m.binding.Status.Role != "" && m.binding.Status.Token.ID == g.key.Token
		m.done = change{written: true, update: c.From != "" && !m.takes && known, drift: m.inSyncBefore()}
		if m.done.drift && c.To != "" {
			r.memory.restored(g.key, m.binding.UID, m.binding.Generation, r.Clock())
		}
	}
}

// inSyncBefore reports whether the status says that Astro held what this very spec declares.
func (m *member) inSyncBefore() bool {
	return m.class == roleset.Want && m.binding.Status.ObservedGeneration == m.binding.Generation &&
		conditionTrue(m.binding, v1alpha1.ConditionSynced)
}

// writeFailed sorts out a write that did not go through. What Astro refused is tried in parts, so that one bad binding
// does not hold up the others.
func (r *Reconciler) writeFailed(ctx context.Context, g *group, h connection.Handle, sent []roleset.Change, looked bool, err error) {
	r.reportUnauthorized(h, err)
	switch {
	case errors.Is(err, astro.ErrNotFound):
		// The listing is behind: without its row the next look asks by id, and for proof.
		r.Registry.Forget(g.key.Host, g.key.Organization, g.key.Token, r.Clock())
		g.lost[h.Key] = &fault{silent: true}
		g.outcome.retry(err)
		r.recantToken(ctx, g)
	case !looked || len(sent) == 0:
		g.lost[h.Key] = failed(v1alpha1.ConditionSynced, "read the token", err)
		if errors.Is(err, astro.ErrForbidden) {
			return // tried again by the next sweep
		}
		g.outcome.retry(err)
	case !refused(err):
		for _, c := range sent {
			g.failures[c.Target] = failed(v1alpha1.ConditionSynced, c.String(), err)
		}
		g.outcome.retry(err)
	case len(sent) > 1 && !g.hopeless():
		first, rest := roleset.Halve(sent)
		r.write(ctx, g, h, among(first))
		r.write(ctx, g, h, among(rest))
	default:
		r.refuse(ctx, g, h, sent, err)
	}
}

// hopeless reports whether Astro refuses whatever it is asked, so that trying every change would be a waste: the
// credential may not, or a dangling role stands in the way of all.
func (g *group) hopeless() bool {
	return g.accepted == 0 && (g.forbidden >= hopeless || (len(g.dead) > 0 && len(g.drop) == 0))
}

func among(changes []roleset.Change) func(roleset.Change) bool {
	return func(c roleset.Change) bool {
		return slices.ContainsFunc(changes, func(o roleset.Change) bool { return o.Target == c.Target })
	}
}
