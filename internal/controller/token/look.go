package token

import (
	"context"
	"errors"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
)

var errRolesUnknown = errors.New("the answer does not show the roles of the token")

// look finds out what Astro holds for the token: from the shared listing, and by id only where the listing does not
// say. It remembers why it could not look in the group's outcome.
func (r *Reconciler) look(ctx context.Context, g *group) {
	var last error
	for _, h := range r.connections(g) {
		found, err := r.lookThrough(ctx, g, h)
		if found {
			return
		}
		if err != nil {
			last = err
			r.reportUnauthorized(h, err)
		}
	}
	if last != nil && g.presence == unseen {
		g.outcome.failed(failed(v1alpha1.ConditionResolved, "look up the token", last), last)
	}
}

// lookThrough asks one connection. Rows of one connection may be hidden from another, so a connection that does not
// see the token does not end the search.
func (r *Reconciler) lookThrough(ctx context.Context, g *group, h connection.Handle) (bool, error) {
	row, listed, err := h.Directory.Token(ctx, g.key.Token)
	if err != nil {
		return false, err
	}
	if listed && row.RolesKnown {
		g.token, g.presence = row, present
		return true, nil
	}
	asked := r.Clock()
	row, err = h.Client.GetToken(ctx, g.key.Token)
	switch {
	case err == nil && row.RolesKnown:
		r.Registry.Record(g.key.Host, g.key.Organization, row, asked)
		g.token, g.presence, g.fresh = row, present, true
		return true, nil
	case err == nil:
		return false, errRolesUnknown
	case errors.Is(err, astro.ErrNotFound):
		return false, r.prove(ctx, g, h)
	default:
		return false, err
	}
}

// prove looks for proof that a token whose id Astro does not know is gone. It costs a listing, so it is done only where
// something hangs on it: a claim that is held.
func (r *Reconciler) prove(ctx context.Context, g *group, h connection.Handle) error {
	if g.presence == unseen {
		g.presence = absent
	}
	if !g.holds() {
		return nil
	}
	isGone, why, err := h.Directory.ProveGone(ctx, g.key.Token)
	if err != nil {
		g.why = err.Error()
		return err
	}
	if isGone {
		g.presence = gone
	} else {
		g.why = why
	}
	return nil
}

// holds reports whether a member holds a claim on the token, or is pinned to it by a name.
func (g *group) holds() bool {
	for _, m := range g.members {
		if m.held != nil || m.binding.Spec.Token.ID == "" {
			return true
		}
	}
	return false
}

// connections are those of the members that can be used to look, each once. For a token that is only spelled so far
// nobody is a member yet; any connection to the Organization can then say what the token's name is.
func (r *Reconciler) connections(g *group) []connection.Handle {
	if len(g.members) == 0 {
		return r.Registry.Serving(g.key.Host, g.key.Organization)
	}
	var all []connection.Handle
	seen := map[connection.Key]bool{}
	for _, m := range g.members {
		if g.reaches(m) && !seen[m.conn.Key] {
			seen[m.conn.Key] = true
			all = append(all, m.conn)
		}
	}
	return all
}

// reaches reports whether the member's connection leads to the token. One that lost its Secret still does for members
// that leave: what was granted with it can be revoked with it.
func (g *group) reaches(m *member) bool {
	return m.conn.Client != nil && m.conn.Host == g.key.Host && m.conn.Organization == g.key.Organization &&
		(m.conn.Ready || m.leaving())
}

func (r *Reconciler) reportUnauthorized(h connection.Handle, err error) {
	if errors.Is(err, astro.ErrUnauthorized) {
		r.Registry.ReportUnauthorized(h.Key)
	}
}
