package token

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// demote gives a claim that nothing but its annotation bears out the time of today, if it would otherwise push aside one
// of another namespace that Astro holds. Anybody who may make a binding can write an annotation with an early time, and a
// restore brings the status of neither back.
func (r *Reconciler) demote(ctx context.Context, g *group) {
	for _, m := range g.members {
		if !g.pushes(m) {
			continue
		}
		claim := *m.held
		claim.Time = metav1.NewMicroTime(r.Clock())
		if err := r.take(ctx, g, m, claim); err != nil {
			m.class, m.fault = roleset.None, unknown(v1alpha1.ConditionAccepted, v1alpha1.ReasonPending, "take the claim: %v", err)
			m.fault.silent = true
			g.outcome.unwritten(fmt.Errorf("take the claim of %s anew: %w", m.id(), err))
		}
	}
}

func (g *group) pushes(m *member) bool {
	if m.held == nil || m.takes || m.class == roleset.None || pin.Verified(m.binding, m.held) {
		return false
	}
	return slices.ContainsFunc(g.members, func(o *member) bool {
		return o.binding.Namespace != m.binding.Namespace && o.entry() == m.entry() && o.role() != m.role() &&
			o.held != nil && m.held.Time.Before(&o.held.Time) &&
			pin.Verified(o.binding, o.held) && conditionTrue(o.binding, v1alpha1.ConditionSynced)
	})
}
