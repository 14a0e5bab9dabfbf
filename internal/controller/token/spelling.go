package token

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// freshEnough is how old the listing may be in which a user's new binding does not find its token. Somebody who has just
// made the token need not wait for the next sweep; ten thousand wrong names cost one listing in this time.
const freshEnough = 10 * time.Second

// reconcileSpelling finds the token of bindings that name one, and hands them over to the key of its id. It takes no
// claim itself: whether one may be taken is decided where all claims on the token are known.
func (r *Reconciler) reconcileSpelling(ctx context.Context, g *group) {
	for _, m := range g.members {
		if m.leaving() {
			m.class, m.fault = r.judgeUnheld(m)
			continue
		}
		m.fault = r.find(ctx, g, m)
	}
}

// find hands the member over to the token that has its name, or says why it cannot.
func (r *Reconciler) find(ctx context.Context, g *group, m *member) *fault {
	if f := g.unreachable(m); f != nil {
		return f
	}
	found, err := r.search(ctx, g, m)
	if err != nil {
		r.reportUnauthorized(m.conn, err)
		g.outcome.retry(err)
		return failed(v1alpha1.ConditionResolved, "look up "+m.tokenWords(), err)
	}
	if len(found) == 1 {
		r.handOver(g, m, TokenKey{Host: g.key.Host, Organization: g.key.Organization, Token: found[0].ID})
		return &fault{silent: true}
	}
	_ = r.findTarget(ctx, g, m) // for the rules
	if f := r.forbidden(ctx, g, m); f != nil {
		return f
	}
	if m.binding.Spec.Suspend {
		return not(v1alpha1.ConditionSynced, v1alpha1.ReasonSuspended, "spec.suspend is true: nothing is done until it is false")
	}
	if len(found) == 0 {
		return m.tokenNotFound()
	}
	return not(v1alpha1.ConditionResolved, v1alpha1.ReasonTokenAmbiguous,
		"there is more than one %s: %s; make the binding with spec.token.id", m.tokenWords(), tokenIDs(found))
}

// search looks the name up, in a newer listing if the user has just asked and the one at hand does not have it.
func (r *Reconciler) search(ctx context.Context, g *group, m *member) ([]astro.Token, error) {
	found, err := named(ctx, m)
	asks := m.requested() || !m.looked() || r.justMissed(m)
	if err != nil || len(found) > 0 || !asks {
		return found, err
	}
	if err := m.conn.Directory.RefreshIfOlder(ctx, freshEnough); err != nil {
		return nil, err
	}
	if found, err = named(ctx, m); err == nil && len(found) == 0 && !m.looked() {
		g.outcome.after(freshEnough) // the listing at hand may be a little older than the token
	}
	return found, err
}

// looked reports whether the status says already that this spec was looked for.
func (m *member) looked() bool { return m.binding.Status.ObservedGeneration == m.binding.Generation }

// justMissed reports whether the name was first not found a moment ago, by a listing that may have been too old for it.
func (r *Reconciler) justMissed(m *member) bool {
	c := meta.FindStatusCondition(m.binding.Status.Conditions, v1alpha1.ConditionResolved)
	return c != nil && c.Reason == v1alpha1.ReasonTokenNotFound && r.Clock().Sub(c.LastTransitionTime.Time) < 2*freshEnough
}

// finding is a token that was found by its name, and where it goes in the queue.
type finding struct {
	key      TokenKey
	priority int
}

// handOver has the member worked on under another key, which sendOn puts into the work queue: ahead of others if a user
// waits for it, behind such edits for what was there when the operator started.
func (r *Reconciler) handOver(g *group, m *member, key TokenKey) {
	priority := sweepPriority
	if r.urgent(m) {
		priority = r.turns.take(key, m.binding.Namespace)
	}
	if most, handed := g.handed[key]; !handed || priority > most {
		g.handed[key] = priority
	}
}

func (r *Reconciler) sendOn(ctx context.Context, g *group) {
	for key, priority := range g.handed {
		r.enqueue(ctx, finding{key: key, priority: priority})
	}
}

func tokenIDs(tokens []astro.Token) string {
	ids := make([]string, 0, len(tokens))
	for _, t := range tokens {
		ids = append(ids, t.ID)
	}
	return listed(ids)
}
