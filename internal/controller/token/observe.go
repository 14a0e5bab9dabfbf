package token

import (
	"context"
	"errors"
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

// observation is what Astro showed of the token, and which connections were asked. Each look returns another one.
type observation struct {
	decision.Observation

	asked map[connection.Key]bool
}

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

// look asks the connections of the bindings, and the others for what they know without a call. It remembers why it could
// not look.
func (r *Reconciler) look(ctx context.Context, g group, o observation) observation {
	var last error
	for _, h := range g.reachable() {
		next, err := r.lookThrough(ctx, g, h, o)
		if o = next; o.Presence == decision.Present {
			return o
		}
		if err != nil {
			last = err
			r.reportUnauthorized(h, err)
		}
	}
	if o = r.lookThroughOthers(ctx, g, o); o.Presence == decision.Present || last == nil {
		return o
	}
	if o.Presence == decision.Gone {
		o.Presence, o.Why = decision.Absent, last.Error() // somebody who might see it could not be asked
	}
	o.Err = last
	if o.Presence == decision.Unseen {
		o.NotRead = fault.FromAstroError(v1alpha1.ConditionResolved, "look up the token", last)
	}
	return o
}

// lookThrough asks one connection. Rows of one connection may be hidden from another, so a connection that does not see
// the token does not end the search.
func (r *Reconciler) lookThrough(ctx context.Context, g group, h connection.Handle, o observation) (observation, error) {
	o = o.with(h.Key)
	row, listed, err := h.Directory.Token(ctx, g.key.Token)
	if err != nil {
		return o, err
	}
	if listed && row.RolesKnown && o.Presence == decision.Unseen && g.agreed(ctx, row) { // once somebody misses it, a row is too old
		o.Token, o.Presence = row, decision.Present
		return o, nil
	}
	asked := r.Clock()
	row, err = read(ctx, h, g.key.Token)
	switch {
	case err == nil:
		r.Registry.Record(h, row, asked)
		return o.shown(row), nil
	case errors.Is(err, astro.ErrNotFound):
		return r.prove(ctx, g, h, o.hiddenFrom(h.Key, ""))
	default:
		return o, err
	}
}

func (o observation) with(k connection.Key) observation {
	next := map[connection.Key]bool{k: true}
	for other := range o.asked {
		next[other] = true
	}
	o.asked = next
	return o
}

func (o observation) shown(t astro.Token) observation {
	o.Token, o.Presence, o.ByID = t, decision.Present, true
	return o
}

func (o observation) hiddenFrom(k connection.Key, why string) observation {
	next := map[string]bool{k.String(): true}
	for other := range o.HiddenFrom {
		next[other] = true
	}
	o.HiddenFrom = next
	if o.Why == "" {
		o.Why = why
	}
	return o
}

// read reads a token by id. An answer without its roles is none: nothing must be taken for free because of it.
func read(ctx context.Context, h connection.Handle, id string) (astro.Token, error) {
	t, err := h.Client.GetToken(ctx, id)
	if err == nil && !t.RolesKnown {
		err = fault.ErrRolesUnknown
	}
	return t, err
}

// agreed reports whether no other connection of the bindings lists the token differently. They list at different times.
func (g group) agreed(ctx context.Context, row astro.Token) bool {
	for _, h := range g.reachable() {
		other, listed, err := h.Directory.Token(ctx, g.key.Token)
		if err == nil && listed && !other.SameAs(row) {
			return false
		}
	}
	return true
}

// prove looks for proof that a token whose id Astro does not know is gone. It costs a listing, so it is done only where
// something hangs on it.
func (r *Reconciler) prove(ctx context.Context, g group, h connection.Handle, o observation) (observation, error) {
	if o.Presence == decision.Unseen {
		o.Presence = decision.Absent
	}
	if !g.claims() {
		return o, nil
	}
	gone, why, err := h.Directory.ProveGone(ctx, g.key.Token)
	switch {
	case err != nil:
		o.Why = err.Error()
	case gone:
		o.Presence = decision.Gone
	default:
		o.Why = why
	}
	return o, err
}

// claims reports whether a binding holds a claim on the token, or is pinned to it by a name.
func (g group) claims() bool {
	return slices.ContainsFunc(g.bindings, func(b decision.Binding) bool { return b.Claim != nil || b.Object.Spec.Token.ID == "" })
}

// reachable are the connections of the bindings that can be used to look, each once.
func (g group) reachable() []connection.Handle {
	var all []connection.Handle
	seen := map[string]bool{}
	for i := range g.bindings {
		b := &g.bindings[i]
		if id := b.Connection.ID; b.Reaches(g.key.decision()) && g.handles[id].Client != nil && !seen[id] {
			seen[id] = true
			all = append(all, g.handles[id])
		}
	}
	return all
}

func (r *Reconciler) reportUnauthorized(h connection.Handle, err error) {
	if errors.Is(err, astro.ErrUnauthorized) {
		r.Registry.ReportUnauthorized(h.Key)
	}
}
