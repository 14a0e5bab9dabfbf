package token

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
)

// lookElsewhere asks the other connections to the Organization for what they know without a call. That is how a token
// which is only spelled so far gets its name, and how one broken connection hides it from nobody else. Where somebody
// has just not found the token, a row may be older than that, and the token is read by id.
func (r *Reconciler) lookElsewhere(ctx context.Context, g *group, asked map[connection.Key]bool) bool {
	missed := g.presence != unseen
	for _, h := range r.Registry.Serving(g.key.Host, g.key.Organization) {
		if asked[h.Key] {
			continue
		}
		row, listed, err := h.Directory.Token(ctx, g.key.Token)
		if err != nil || !listed {
			continue
		}
		switch {
		case !missed && row.RolesKnown:
			g.token, g.presence = row, present
			return true
		case !missed:
			g.token = row // by its name, those who spell it are found, and look for its roles themselves
		case r.seenBy(ctx, g, h):
			return true
		}
	}
	return false
}

// agreeOnName reads a token by id that connections list under different names, since it was renamed between their listings.
// Whoever spells the name that it has now would be overlooked by the older one. Where it cannot be read, the next sweep
// brings whoever is not settled here again.
func (r *Reconciler) agreeOnName(ctx context.Context, g *group) {
	if g.presence != present || g.fresh {
		return
	}
	for _, h := range r.Registry.Serving(g.key.Host, g.key.Organization) {
		row, listed := h.Directory.Known(g.key.Token)
		if listed && row.Name != g.token.Name && r.seenBy(ctx, g, h) {
			return
		}
	}
}

// findBlind finds out which connections of the members do not show a token that another one shows. What Astro says to one
// credential is not for those who use another, and a role can be given only through one that sees the token.
func (r *Reconciler) findBlind(ctx context.Context, g *group) {
	for _, h := range g.connections() {
		if g.presence != present || g.blind[h.Key] {
			continue
		}
		if _, listed, err := h.Directory.Token(ctx, g.key.Token); err != nil || listed {
			continue // whatever keeps it from being listed keeps it from being written
		}
		asked := r.Clock()
		t, err := read(ctx, h, g.key.Token)
		if err == nil {
			r.Registry.Record(h, t, asked)
		}
		if g.blind[h.Key] = errors.Is(err, astro.ErrNotFound) || errors.Is(err, astro.ErrForbidden); g.blind[h.Key] {
			g.why = cmp.Or(g.why, "the connection's API token may not be allowed to see it")
		}
	}
	if g.presence == present && slices.ContainsFunc(g.connections(), g.missedBy) && !g.fresh {
		r.lookAnew(ctx, g)
	}
}

// lookAnew reads by id a token that one connection does not show, and another one by its listing only, which may be older.
// Where that one cannot be asked, its listing counts.
func (r *Reconciler) lookAnew(ctx context.Context, g *group) {
	g.presence = absent
	r.look(ctx, g)
	asked := !slices.ContainsFunc(g.connections(), func(h connection.Handle) bool { return !g.missedBy(h) })
	if g.presence == absent && !asked {
		g.presence = present
	}
}

func (g *group) missedBy(h connection.Handle) bool { return g.blind[h.Key] }

// presenceTo is what the member's connection knows of the token's existence, which may be less than others do.
func (g *group) presenceTo(m *member) presence {
	if g.presence == present && g.blind[m.conn.Key] {
		return absent
	}
	return g.presence
}

// seenBy reads a token that another connection did not find. That it cannot be read leaves it open whether it is gone.
func (r *Reconciler) seenBy(ctx context.Context, g *group, h connection.Handle) bool {
	asked := r.Clock()
	t, err := read(ctx, h, g.key.Token)
	switch {
	case err == nil:
		r.Registry.Record(h, t, asked)
		g.token, g.presence, g.fresh = t, present, true
		return true
	case errors.Is(err, astro.ErrNotFound):
		h.Directory.Forget(g.key.Token, asked)
	case g.presence == gone:
		r.reportUnauthorized(h, err)
		g.presence, g.why = absent, fmt.Sprintf("%s listed it and could not be asked again: %v", h.Key.Words(), err)
	}
	return false
}
