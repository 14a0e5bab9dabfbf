package token

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

// lookThroughOthers asks the other connections to the Organization for what they know without a call. That is how a token
// that is only named so far gets its name, and how one broken connection hides it from nobody else. Where somebody has
// just not found the token, a row may be older than that, and the token is read by id.
func (r *Reconciler) lookThroughOthers(ctx context.Context, g group, o observation) observation {
	missed := o.Presence != decision.Unseen
	for _, h := range r.Registry.Serving(g.key.Host, g.key.Organization) {
		if o.asked[h.Key] {
			continue
		}
		row, listed, err := h.Directory.Token(ctx, g.key.Token)
		if err != nil || !listed {
			continue
		}
		switch {
		case !missed && row.RolesKnown:
			o.Token, o.Presence = row, decision.Present
			return o
		case !missed:
			o.Token = row // by its name, those who give it are found, and look for its roles themselves
		default:
			if o = r.readThrough(ctx, g, h, o); o.ByID {
				return o
			}
		}
	}
	return o
}

// agreeOnName reads a token by id that connections list under different names, because it was renamed between their
// listings. Whoever gives the name that it has now would be overlooked by the older one. Where it cannot be read, the next
// sweep brings whoever is not settled here again.
func (r *Reconciler) agreeOnName(ctx context.Context, g group, o observation) observation {
	if o.Presence != decision.Present || o.ByID {
		return o
	}
	for _, h := range r.Registry.Serving(g.key.Host, g.key.Organization) {
		row, listed := h.Directory.Known(g.key.Token)
		if !listed || row.Name == o.Token.Name {
			continue
		}
		if next := r.readThrough(ctx, g, h, o); next.ByID {
			return next
		}
	}
	return o
}

// findHidden finds out which connections of the bindings do not show a token that another one shows. What Astro says to
// one credential is not for those who use another, and a role can be given only through one that sees the token.
func (r *Reconciler) findHidden(ctx context.Context, g group, o observation) observation {
	for _, h := range g.reachable() {
		if o.Presence != decision.Present || o.HiddenFrom[h.Key.String()] {
			continue
		}
		if _, listed, err := h.Directory.Token(ctx, g.key.Token); err != nil || listed {
			continue // whatever keeps it from being listed keeps it from being written
		}
		asked := r.Clock()
		t, err := read(ctx, h, g.key.Token)
		switch {
		case err == nil:
			r.Registry.Record(h, t, asked)
		case errors.Is(err, astro.ErrNotFound), errors.Is(err, astro.ErrForbidden):
			o = o.hiddenFrom(h.Key, "the connection's API token may not be allowed to see it")
		}
	}
	missed := func(h connection.Handle) bool { return o.HiddenFrom[h.Key.String()] }
	if o.Presence != decision.Present || o.ByID || !slices.ContainsFunc(g.reachable(), missed) {
		return o
	}
	return r.lookAnew(ctx, g, o)
}

// lookAnew reads by id a token that one connection does not show, and another one by its listing only, which may be older.
// Where that one cannot be asked, its listing counts.
func (r *Reconciler) lookAnew(ctx context.Context, g group, o observation) observation {
	again := o
	again.Presence = decision.Absent
	again = r.look(ctx, g, again)
	unasked := slices.ContainsFunc(g.reachable(), func(h connection.Handle) bool { return !again.HiddenFrom[h.Key.String()] })
	if again.Presence == decision.Absent && unasked {
		again.Presence = decision.Present
	}
	return again
}

// readThrough reads a token that another connection did not find. That it cannot be read leaves it open whether it is gone.
func (r *Reconciler) readThrough(ctx context.Context, g group, h connection.Handle, o observation) observation {
	asked := r.Clock()
	t, err := read(ctx, h, g.key.Token)
	switch {
	case err == nil:
		r.Registry.Record(h, t, asked)
		return o.shown(t)
	case errors.Is(err, astro.ErrNotFound):
		h.Directory.Forget(g.key.Token, asked)
	case o.Presence == decision.Gone:
		r.reportUnauthorized(h, err)
		o.Presence, o.Why = decision.Absent, fmt.Sprintf("%s listed it and could not be asked again: %v", h.Key.Words(), err)
	}
	return o
}
