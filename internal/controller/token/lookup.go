package token

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

const (
	// lookups is how many bindings of a group are looked up side by side. They share calls, so that more of them cost less.
	lookups = 128
	// freshEnough is how old the listing may be in which a user's new binding does not find its token. Somebody who has just
	// made the token need not wait for the next sweep; ten thousand wrong names cost one listing in this time.
	freshEnough = 10 * time.Second
)

// lookUp returns the bindings with the targets that they mean, and with the tokens that have their name now where the one
// that had it is gone.
func (r *Reconciler) lookUp(ctx context.Context, g group, s decision.Situation) []decision.Binding {
	return r.eachOf(g, s.Bindings, func(b *decision.Binding, h connection.Handle) {
		if s.NeedsTarget(b) {
			b.Target = r.target(ctx, b, h)
		}
		if s.NeedsNames(b) {
			b.Names.Tokens, b.Names.Err = named(ctx, b.Object, h)
		}
	})
}

// lookUpNames returns bindings that only name their token with the tokens of that name, and when to look for it again.
func (r *Reconciler) lookUpNames(ctx context.Context, g group) ([]decision.Binding, time.Duration) {
	again := make([]bool, len(g.bindings))
	s := decision.Situation{Key: g.key.decision(), Bindings: g.bindings}
	bindings := r.eachOf(g, g.bindings, func(b *decision.Binding, h connection.Handle) {
		if !s.NeedsToken(b) {
			return
		}
		i := slices.IndexFunc(g.bindings, func(o decision.Binding) bool { return o.Object.UID == b.Object.UID })
		b.Names.Tokens, again[i], b.Names.Err = r.search(ctx, b, h)
		r.reportUnauthorized(h, b.Names.Err)
		if b.Names.Err == nil && len(b.Names.Tokens) != 1 && b.NeedsTarget() {
			b.Target = r.target(ctx, b, h) // for the rules
		}
	})
	if slices.Contains(again, true) {
		return bindings, freshEnough // the listing at hand may be a little older than the token
	}
	return bindings, 0
}

// eachOf looks something up for copies of the bindings, side by side, so that the lookups share calls.
func (r *Reconciler) eachOf(g group, bindings []decision.Binding, do func(*decision.Binding, connection.Handle)) []decision.Binding {
	now := slices.Clone(bindings)
	var work errgroup.Group
	work.SetLimit(lookups)
	for i := range now {
		if h := g.handles[now[i].Connection.ID]; h.Directory != nil {
			work.Go(func() error {
				do(&now[i], h)
				return nil
			})
		}
	}
	_ = work.Wait() // what goes wrong is part of each finding
	return now
}

// target looks a target up; past what is remembered if the user asks for a look.
func (r *Reconciler) target(ctx context.Context, b *decision.Binding, h connection.Handle) decision.TargetFinding {
	if b.Requested() {
		h.Directory.ForgetTarget(b.TargetQuery())
	}
	found, err := h.Directory.Targets(ctx, b.TargetQuery())
	r.reportUnauthorized(h, err)
	return decision.TargetFinding{Looked: true, Found: found, Err: err}
}

// named returns the tokens that have the name the binding gives, as the listing of its connection shows them.
func named(ctx context.Context, b *v1alpha1.ScopedTokenBinding, h connection.Handle) ([]astro.Token, error) {
	ref := pin.NameRefOf(b)
	return h.Directory.Named(ctx, pin.Scopes[ref.Scope], ref.Home, ref.Name)
}

// search looks the name up, in a newer listing if the user has just asked and the one at hand does not have it.
func (r *Reconciler) search(ctx context.Context, b *decision.Binding, h connection.Handle) (found []astro.Token, again bool, err error) {
	found, err = named(ctx, b.Object, h)
	asks := b.Requested() || !b.Looked() || r.justMissed(b.Object)
	if err != nil || len(found) > 0 || !asks {
		return found, false, err
	}
	if err := h.Directory.RefreshIfOlder(ctx, freshEnough); err != nil {
		return nil, false, err
	}
	found, err = named(ctx, b.Object, h)
	return found, err == nil && len(found) == 0 && !b.Looked(), err
}

// justMissed reports whether the name was first not found a moment ago, by a listing that may have been too old for it.
func (r *Reconciler) justMissed(b *v1alpha1.ScopedTokenBinding) bool {
	c := meta.FindStatusCondition(b.Status.Conditions, v1alpha1.ConditionResolved)
	return c != nil && c.Reason == v1alpha1.ReasonTokenNotFound && r.Clock().Sub(c.LastTransitionTime.Time) < 2*freshEnough
}

// finding is a token that was found by its name, and where it goes in the queue.
type finding struct {
	key      TokenKey
	priority int
}

// handOver puts the tokens that were found by name into the work queue: ahead of others if a user waits for them, behind
// such edits for what was there when the operator started.
func (r *Reconciler) handOver(ctx context.Context, g group, bindings []decision.Binding, tokens map[int]string) {
	priorities := map[TokenKey]int{}
	for i, id := range tokens {
		key, priority := tokenKey(g.key.Host, g.key.Organization, id), sweepPriority
		if r.waitedFor(&bindings[i]) {
			priority = r.admission.Enqueued(key, bindings[i].Object.Namespace)
		}
		if most, known := priorities[key]; !known || priority > most {
			priorities[key] = priority
		}
	}
	for key, priority := range priorities {
		r.enqueue(ctx, finding{key: key, priority: priority})
	}
}
