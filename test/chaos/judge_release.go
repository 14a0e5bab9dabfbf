package main

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// judgeRelease judges the removal of a finalizer by the operator: the role has to be gone from Astro, as far as Astro has
// shown, or another claim is on it, or it is to stay.
func (w *world) judgeRelease(path string) *problem {
	parts := strings.Split(path, "/") // PATCH namespace/scopedtokenbindings/name
	namespace, _ := strings.CutPrefix(parts[0], "PATCH ")
	b := &v1alpha1.ScopedTokenBinding{}
	if err := w.kube.Get(w.ctx, client.ObjectKey{Namespace: namespace, Name: parts[len(parts)-1]}, b); err != nil {
		return nil // the API server is away, and the patch will not get there either
	}
	h, holds := w.facts.holderOf(b.UID)
	if held := w.claimOf(b); held != nil {
		h.place, holds = held.place, true
	} else if holds && (!w.lastByOperator(h.place) || !strings.Contains(w.departures.journal(), string(b.UID))) {
		holds = false // it was about to get the role, and did not, or the journal says so no more: the quiet point tells
	}
	switch {
	case b.DeletionTimestamp.IsZero() || !holds:
		// Withdrawn, or it never had a claim: the quiet point tells.
	case leavesRole(b):
		w.facts.retain(h.place)
	default:
		return w.judgeRevoked(b, h.place)
	}
	return nil
}

func (w *world) judgeRevoked(b *v1alpha1.ScopedTokenBinding, p place) *problem {
	if w.sim.RoleOn(p.token, p.kind, p.target) == "" || w.claimedByOther(b, p) {
		return nil
	}
	seen := w.writes.lastSeen(p.token)
	if seen != nil && seen.old != nil && p.in(seen.roles) == "" && p.in(seen.truth()) != "" {
		if why := w.writes.tells(p.token, seen); why != "" {
			return &problem{leaked, fmt.Sprintf("%s/%s is let go after an old read of %s that lacks its role: %s", b.Namespace, b.Name, p.token, why)}
		}
	}
	if seen != nil && !slices.ContainsFunc(seen.roles, func(r astrosim.Role) bool { return r.EntityType == p.kind && r.EntityID == p.target }) {
		return nil // somebody else has put it back since
	}
	if w.byAstro(p) || w.restored(p) || w.wantedByOther(b, p) {
		return nil // it is Astro's own, or somebody who had read it before the operator took it away has written it back
	}
	return &problem{leaked, fmt.Sprintf("%s/%s is let go while %s holds %s on %s", b.Namespace, b.Name, p.token, w.sim.RoleOn(p.token, p.kind, p.target), p.target)}
}

// claimedByOther says whether another binding that is still there holds the place, or was about to be given it.
func (w *world) claimedByOther(b *v1alpha1.ScopedTokenBinding, p place) bool {
	bindings, err := w.bindings()
	return err != nil || w.facts.vanished(p, bindings) || slices.ContainsFunc(bindings, func(o v1alpha1.ScopedTokenBinding) bool {
		if o.UID == b.UID {
			return false
		}
		held := w.claimOf(&o)
		h, holds := w.facts.holderOf(o.UID)
		return held != nil && held.place == p || holds && h.place == p
	})
}

// wantedByOther says whether another binding declares the place, may have it, and is about to take its claim.
func (w *world) wantedByOther(b *v1alpha1.ScopedTokenBinding, p place) bool {
	s, err := w.snapshot()
	return err != nil || slices.ContainsFunc(s.claims, func(c *claim) bool {
		return c.class == want && c.place == p && c.binding.UID != b.UID
	})
}

// bindings are those of the schedule, as they are now.
func (w *world) bindings() ([]v1alpha1.ScopedTokenBinding, error) {
	var list v1alpha1.ScopedTokenBindingList
	err := w.kube.List(w.ctx, &list, client.MatchingLabels(w.labels()))
	return list.Items, err
}
