package token

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

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
	// young says that a listing of the last seconds was asked for a token that may be younger.
	young bool
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
	return o.because(k, why)
}

// because notes why the token is not taken for gone, for those who use the connection.
func (o observation) because(k connection.Key, why string) observation {
	if why == "" {
		return o
	}
	o.WhyTo = maps.Clone(o.WhyTo)
	if o.WhyTo == nil {
		o.WhyTo = map[string]string{}
	}
	o.WhyTo[k.String()] = why
	return o
}

// unprovenTo notes that a connection does not know the token to be gone, whatever others say.
func (o observation) unprovenTo(k connection.Key, why string) observation {
	o.Unproven = maps.Clone(o.Unproven)
	if o.Unproven == nil {
		o.Unproven = map[string]bool{}
	}
	o.Unproven[k.String()] = true
	return o.because(k, why)
}

// unaskedBy notes that a connection could not be asked whether it sees the token.
func (o observation) unaskedBy(k connection.Key, err error) observation {
	o.Unasked = maps.Clone(o.Unasked)
	if o.Unasked == nil {
		o.Unasked = map[string]error{}
	}
	o.Unasked[k.String()] = err
	return o
}

// unanswered is a connection that could not be asked for the token.
type unanswered struct {
	connection connection.Key
	err        error
}

// look asks the connections of the bindings, and the others for what they know without a call. It remembers why it could
// not look.
func (r *Reconciler) look(ctx context.Context, g group, o observation) observation {
	var failed []unanswered
	for _, h := range g.reachable() {
		next, err := r.lookThrough(ctx, g, h, o)
		if o = next; o.Presence == decision.Present {
			return o
		}
		if err != nil {
			failed = append(failed, unanswered{h.Key, err})
			r.reportUnauthorized(h, err)
		}
	}
	if o = r.lookThroughOthers(ctx, g, o); o.Presence == decision.Unseen && len(o.HiddenFrom) > 0 {
		o.Presence = decision.Absent // who asked did not find it, and nobody else lists it
	}
	if o.Presence == decision.Present || len(failed) == 0 {
		return o
	}
	return o.withoutAnswers(failed)
}

// withoutAnswers is the observation where connections could not be asked, and nobody has seen the token. What Astro said to one
// credential is told to those who use it.
func (o observation) withoutAnswers(failed []unanswered) observation {
	if o.Presence == decision.Gone { // somebody who might see it could not be asked
		o.Presence, o.Why = decision.Absent, "another connection to the Organization could not be asked for it; the operator asks again by itself"
	}
	notRead := map[string]*fault.Fault{}
	o.Err = nil
	for _, f := range failed {
		id, told := f.connection.String(), fault.FromAstroError(v1alpha1.ConditionResolved, "look up the token", f.err)
		if notRead[id] = told; o.Err == nil || told.Transient { // the token is looked for again if one of them may answer soon
			o.Err = f.err
		}
		if o.WhyTo[id] == "" {
			o = o.because(f.connection, f.err.Error())
		}
	}
	if o.Presence == decision.Unseen {
		o.NotRead = notRead
	}
	return o
}

// lookThrough asks one connection. Rows of one connection may be hidden from another, so a connection that does not see
// the token does not end the search.
func (r *Reconciler) lookThrough(ctx context.Context, g group, h connection.Handle, o observation) (observation, error) {
	o = o.with(h.Key)
	if since := g.answeredTogether(); !since.IsZero() {
		_ = h.Directory.RefreshIfBefore(ctx, since) // without a newer listing the token is read by its id
	}
	began, _ := h.Directory.LastListing()
	row, listed, err := h.Directory.Token(ctx, g.key.Token)
	if err != nil {
		return o, err
	}
	if !listed && !g.claimsThrough(h.Key) && !r.mayReadUnlisted(g, h) {
		return r.lookInListing(ctx, g, h, o)
	}
	if listed && row.RolesKnown && o.Presence == decision.Unseen && g.agreed(ctx, row) { // once somebody misses it, a row is too old
		o.Token, o.Presence, o.Listed = row, decision.Present, began
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

// answeredTogether is since when a listing has to have begun to answer all that is asked for as one of many requests; zero if nothing is.
func (g group) answeredTogether() (since time.Time) {
	for i := range g.bindings {
		if b := &g.bindings[i]; b.Requested() && b.Together && b.Asked.After(since) {
			since = b.Asked
		}
	}
	return since
}

// mayReadUnlisted reports whether a token that the listing lacks, and on which nobody holds a claim, is to be read by id: it may be
// younger than the listing, or the listing may be in doubt, which whoever has a connection can bring about. It is if one of the
// namespaces that ask for it has something left of its share of such reads.
func (r *Reconciler) mayReadUnlisted(g group, h connection.Handle) bool {
	refused := map[string]bool{}
	for i := range g.bindings {
		namespace := g.bindings[i].Object.Namespace
		if g.bindings[i].Connection.ID != h.Key.String() || !asks(&g.bindings[i]) || refused[namespace] {
			continue
		}
		if r.shares.reads.Take(namespace, time.Now()) {
			return true
		}
		refused[namespace] = true
	}
	return false
}

// lookInListing looks for a token in a listing of the last seconds, which it shares with all who do. That this one lacks it makes no
// row of another connection too old: nobody who asks through this one holds a claim.
func (r *Reconciler) lookInListing(ctx context.Context, g group, h connection.Handle, o observation) (observation, error) {
	if err := h.Directory.RefreshIfOlder(ctx, freshEnough); err != nil {
		return o, err
	}
	if _, listed := h.Directory.Known(g.key.Token); listed {
		return r.lookThrough(ctx, g, h, o)
	}
	o = o.hiddenFrom(h.Key, "")
	o.young = true
	return o, nil
}

// again is when a token is to be looked for once more that a listing did not have: at the first look it may have been younger.
func (o observation) again(g group) time.Duration {
	first := func(b decision.Binding) bool { return !b.Looked() || b.Asks() }
	if o.young && o.Presence == decision.Absent && slices.ContainsFunc(g.bindings, first) {
		return freshEnough
	}
	return 0
}

// prove looks for proof that a token whose id Astro does not know is gone. It costs a listing, so it is done only where
// something hangs on it. Elsewhere the token is hidden from the one connection, which makes no row of another too old.
func (r *Reconciler) prove(ctx context.Context, g group, h connection.Handle, o observation) (observation, error) {
	if !g.claimsThrough(h.Key) {
		return o, nil
	}
	if o.Presence == decision.Unseen {
		o.Presence = decision.Absent
	}
	gone, why, err := h.Directory.ProveGone(ctx, g.key.Token)
	switch {
	case err != nil:
		return o.unprovenTo(h.Key, err.Error()), err
	case why == astro.NoEvidence:
		return o.unprovenTo(h.Key, h.NoEvidence()), nil
	case !gone:
		return o.unprovenTo(h.Key, why), nil
	}
	o.Presence = decision.Gone
	return o, nil
}

// lookThroughOthers asks the other connections to the Organization for what they know without a call. That is how a token
// that is only named so far gets its name, and how one broken connection hides it from nobody else. Where somebody who
// holds a claim has just not found the token, a row may be older than that, and the token is read by id.
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
		log.FromContext(ctx).Info("a token that another connection lists is not taken for gone: that one could not be asked",
			"token", g.key.String(), "connection", h.Key.String(), "answer", astro.InFull(err).Error())
		o.Presence, o.Why = decision.Absent, "another connection to the Organization lists it and could not be asked; "+
			"the operator asks again with each sweep, and its log says what the answer was"
	}
	return o
}
