package main

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// judgeRelease judges the moment in which the operator lets a binding go: its role has to be gone from Astro, as far as
// Astro has shown, or another claim stands on it, or it is to stay.
func (w *world) judgeRelease(path string) *problem {
	parts := strings.Split(path, "/") // PATCH namespace/scopedtokenbindings/name
	namespace, _ := strings.CutPrefix(parts[0], "PATCH ")
	b := &v1alpha1.ScopedTokenBinding{}
	if err := w.kube.Get(w.ctx, client.ObjectKey{Namespace: namespace, Name: parts[len(parts)-1]}, b); err != nil {
		return nil // the API server is away, and the patch will not get there either
	}
	held := heldOf(b)
	switch {
	case b.DeletionTimestamp.IsZero():
		// Withdrawn, or a claim given back: the end of it all tells.
	case b.Spec.DeletionPolicy == v1alpha1.DeletionRetain, b.Spec.Mode == v1alpha1.ModeObserve, b.Annotations[v1alpha1.AnnotationRelease] == "true":
		if p, stripped := w.facts.strippedFrom(b.UID); stripped {
			w.facts.retain(p)
		}
		if held != nil {
			w.facts.retain(placeOf(held))
		}
	case held == nil:
		return &problem{leaked, fmt.Sprintf("%s/%s is let go although its claim cannot be read", b.Namespace, b.Name)}
	default:
		return w.judgeRevoked(b, placeOf(held))
	}
	return nil
}

func (w *world) judgeRevoked(b *v1alpha1.ScopedTokenBinding, p place) *problem {
	if w.sim.RoleOn(p.token, p.kind, p.target) == "" || w.claimedByOther(b, p) {
		return nil
	}
	seen := w.writes.lastSeen(p.token)
	if seen != nil && !slices.ContainsFunc(seen.roles, func(r astrosim.Role) bool { return r.EntityType == p.kind && r.EntityID == p.target }) {
		return nil // somebody else has put it back since
	}
	if w.byAstro(p) || w.restored(p) {
		return nil // it is Astro's own, or somebody who had read it before the operator took it away has written it back
	}
	return &problem{leaked, fmt.Sprintf("%s/%s is let go while %s holds %s on %s", b.Namespace, b.Name, p.token, w.sim.RoleOn(p.token, p.kind, p.target), p.target)}
}

func (w *world) claimedByOther(b *v1alpha1.ScopedTokenBinding, p place) bool {
	bindings, err := w.bindings()
	return err != nil || w.facts.vanished(p, bindings) || slices.ContainsFunc(bindings, func(o v1alpha1.ScopedTokenBinding) bool {
		held := heldOf(&o)
		return o.UID != b.UID && held != nil && placeOf(held) == p
	})
}

// bindings are those of the schedule, as they are now.
func (w *world) bindings() ([]v1alpha1.ScopedTokenBinding, error) {
	var list v1alpha1.ScopedTokenBindingList
	err := w.kube.List(w.ctx, &list, client.MatchingLabels(w.labels()))
	return list.Items, err
}
