package token

import (
	"context"
	"errors"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
)

var errRolesUnknown = errors.New("the answer does not show the roles of the token")

// look finds out what Astro holds for the token: from the shared listing, and by id only where the listing does not
// say. It remembers why it could not look in the group's outcome.
func (r *Reconciler) look(ctx context.Context, g *group) {
	g.credential = r.isCredential(ctx, g.key)
	var last error
	asked := map[connection.Key]bool{}
	for _, h := range g.connections() {
		asked[h.Key] = true
		found, err := r.lookThrough(ctx, g, h)
		if found {
			return
		}
		if err != nil {
			last = err
			r.reportUnauthorized(h, err)
		}
	}
	if r.lookElsewhere(ctx, g, asked) || last == nil {
		return
	}
	if g.presence == gone {
		g.presence, g.why = absent, last.Error() // somebody who might see it could not be asked
	}
	f := failed(v1alpha1.ConditionResolved, "look up the token", last)
	if f.passing {
		g.outcome.retry(last)
	}
	if g.presence == unseen {
		g.outcome.look = f
	}
}

// lookThrough asks one connection. Rows of one connection may be hidden from another, so a connection that does not
// see the token does not end the search.
func (r *Reconciler) lookThrough(ctx context.Context, g *group, h connection.Handle) (bool, error) {
	row, listed, err := h.Directory.Token(ctx, g.key.Token)
	if err != nil {
		return false, err
	}
	if listed && row.RolesKnown && g.presence == unseen && g.agreed(ctx, row) { // once somebody misses it, a row is too old
		g.token, g.presence = row, present
		return true, nil
	}
	asked := r.Clock()
	row, err = read(ctx, h, g.key.Token)
	switch {
	case err == nil:
		r.Registry.Record(h, row, asked)
		g.token, g.presence, g.fresh = row, present, true
		return true, nil
	case errors.Is(err, astro.ErrNotFound):
		g.blind[h.Key] = true
		return false, r.prove(ctx, g, h)
	default:
		return false, err
	}
}

// read reads a token by id. An answer without its roles is none: nothing must be taken for free because of it.
func read(ctx context.Context, h connection.Handle, id string) (astro.Token, error) {
	t, err := h.Client.GetToken(ctx, id)
	if err == nil && !t.RolesKnown {
		err = errRolesUnknown
	}
	return t, err
}

// agreed reports whether no other connection of the members lists the token differently. They list at different times.
func (g *group) agreed(ctx context.Context, row astro.Token) bool {
	for _, h := range g.connections() {
		other, listed, err := h.Directory.Token(ctx, g.key.Token)
		if err == nil && listed && !other.SameAs(row) {
			return false
		}
	}
	return true
}

// isCredential reports whether the token is one with which a connection works, even one that was not looked at since the
// operator started.
func (r *Reconciler) isCredential(ctx context.Context, key TokenKey) bool {
	if r.Registry.IsCredential(key.Host, key.Token) {
		return true
	}
	var own v1alpha1.AstroConnectionList
	var cluster v1alpha1.ClusterAstroConnectionList
	if r.Client.List(ctx, &own, client.UnsafeDisableDeepCopy) != nil || r.Client.List(ctx, &cluster, client.UnsafeDisableDeepCopy) != nil {
		return true // not knowing is no reason to write
	}
	return slices.ContainsFunc(own.Items, func(c v1alpha1.AstroConnection) bool { return c.Status.CredentialTokenID == key.Token }) ||
		slices.ContainsFunc(cluster.Items, func(c v1alpha1.ClusterAstroConnection) bool { return c.Status.CredentialTokenID == key.Token })
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

// connections are those of the members that can be used to look, each once.
func (g *group) connections() []connection.Handle {
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
