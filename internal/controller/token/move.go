package token

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// move rewrites the claims of members whose token is gone, and whose user has confirmed the one that has its name now.
// The update event brings them under the key of that token.
func (r *Reconciler) move(ctx context.Context, g *group) {
	for _, m := range g.members {
		if m.forgets() {
			m.release = m.held != nil // it observes now, and takes no claim along
			continue
		}
		if m.moveTo == "" {
			continue
		}
		claim, f := r.movedClaim(ctx, g, m)
		if f != nil {
			m.fault = f
			continue
		}
		if err := r.take(ctx, g, m, claim); err != nil {
			g.outcome.retry(fmt.Errorf("move %s to token %s: %w", m.id(), m.moveTo, err))
			continue
		}
		m.fault.silent = true
	}
}

// forgets reports whether the member's status is to forget a token that is gone. One that claims nothing finds the token
// that was confirmed as it found the first: by its name.
func (m *member) forgets() bool { return m.moveTo != "" && m.class == roleset.None }

// movedClaim is the member's claim on the confirmed token. It is taken there as any other: spec.adopt has its say about
// a role that is there, and whoever holds the target already was first.
func (r *Reconciler) movedClaim(ctx context.Context, g *group, m *member) (v1alpha1.HeldClaim, *fault) {
	claim := g.claimFor(m, r)
	claim.Token, claim.Origin, claim.PreviousRole = m.moveTo, v1alpha1.OriginCreated, ""
	claim.Time = metav1.NewMicroTime(r.Clock())
	t, err := read(ctx, m.conn, m.moveTo)
	if err != nil {
		r.reportUnauthorized(m.conn, err)
		g.outcome.retry(err)
		return claim, failed(v1alpha1.ConditionResolved, "read the confirmed token "+m.moveTo, err)
	}
	role := t.RoleOn(m.entry().Key())
	if role == "" {
		return claim, nil
	}
	claim.Origin, claim.PreviousRole = v1alpha1.OriginAdopted, role
	if adopt := adoptOf(m.binding.Spec.Adopt); adopt == roleset.AdoptNever || (adopt == roleset.AdoptIfSameRole && role != m.role()) {
		return claim, existingRole(m, role)
	}
	return claim, nil
}
