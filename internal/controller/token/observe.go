package token

import (
	"context"
	"errors"
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

// observe finds out what Astro holds for the token: from the shared listings, and by id only where they do not say.
func (r *Reconciler) observe(ctx context.Context, g group) observation {
	o := observation{asked: map[connection.Key]bool{}}
	o.HiddenFrom = map[string]bool{}
	o.CredentialOf, o.Protected = r.credentialOf(ctx, g.key)
	return r.agreeOnName(ctx, g, r.look(ctx, g, o))
}

// observeThrough completes an observation once every binding of the token is known: through the connections of those that
// were found by its name, if nobody could look before, and with the connections that do not show it.
func (r *Reconciler) observeThrough(ctx context.Context, g group, o observation) observation {
	if o.Presence == decision.Unseen && len(o.asked) == 0 {
		o = r.look(ctx, g, o)
	}
	return r.findHidden(ctx, g, o)
}

// agreeOnName reads a token by id that connections list under different names, because it was renamed between their
// listings. Whoever gives the name that it has now would be overlooked by the older one. Where it cannot be read, the next
// sweep brings whoever is not Ready here again.
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

// mayNotSee is why a connection does not show a token that another one shows.
const mayNotSee = "the connection's API token may not be allowed to see it"

// findHidden finds out which connections of the bindings do not show a token that another one shows. What Astro says to
// one credential is not for those who use another, and a role can be given only through one that sees the token.
func (r *Reconciler) findHidden(ctx context.Context, g group, o observation) observation {
	for _, h := range g.reachable() {
		if o.Presence != decision.Present || o.HiddenFrom[h.Key.String()] {
			continue
		}
		_, listed, err := h.Directory.Token(ctx, g.key.Token)
		if err != nil {
			o = o.unaskedBy(h.Key, err)
		}
		if err != nil || listed {
			continue
		}
		if !g.claimsThrough(h.Key) && !r.mayReadUnlisted(g, h) {
			o = r.lacks(ctx, g, h, o)
			continue
		}
		asked := r.Clock()
		t, err := read(ctx, h, g.key.Token)
		switch {
		case err == nil:
			r.Registry.Record(h, t, asked)
		case errors.Is(err, astro.ErrNotFound), errors.Is(err, astro.ErrForbidden):
			o = o.hiddenFrom(h.Key, mayNotSee)
		default:
			o = o.unaskedBy(h.Key, err)
		}
	}
	missed := func(h connection.Handle) bool { return o.HiddenFrom[h.Key.String()] && g.claimsThrough(h.Key) }
	if o.Presence != decision.Present || o.ByID || !slices.ContainsFunc(g.reachable(), missed) {
		return o
	}
	return r.lookAnew(ctx, g, o)
}

// lacks notes that a connection does not show the token, unless a listing of the last seconds does.
func (r *Reconciler) lacks(ctx context.Context, g group, h connection.Handle, o observation) observation {
	err := h.Directory.RefreshIfOlder(ctx, freshEnough)
	if _, listed := h.Directory.Known(g.key.Token); err == nil && listed {
		return o
	} else if err != nil {
		return o.unaskedBy(h.Key, err)
	}
	return o.hiddenFrom(h.Key, mayNotSee)
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
