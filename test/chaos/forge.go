package main

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// domain is that of the operator's annotations. What a user writes there by hand is no claim, whatever it says.
const domain = "astro.scopedtoken.dev/"

// forgery is one way in which a user writes annotations of the operator by hand.
type forgery struct {
	what          string
	slot          int
	token, target int
	role          roleDraw
}

// forgeries are the ways; a claim of another place with an early time is the commonest.
var forgeries = []string{"claim", "claim", "claim", "own claim", "garbage", "words", "confirm", "strip"}

// drawForgeAnnotations writes annotations of the operator by hand.
func drawForgeAnnotations(d draw) func(*world) {
	f := forgery{what: pick(d, forgeries...), slot: d.IntN(slots), token: d.number(), target: d.number(), role: drawRole(d)}
	return func(w *world) {
		if b := w.existing(f.slot); b != nil {
			w.edit(slot{b.Namespace, b.Name}, "forge annotations ("+f.what+")", func(b *v1alpha1.ScopedTokenBinding) { w.forge(f, b) })
			w.tally.add("users_forged", 1)
		}
	}
}

func (w *world) forge(f forgery, b *v1alpha1.ScopedTokenBinding) {
	token, target := w.token(f.token), w.entity(f.target)
	set := func(name, value string) { metav1.SetMetaDataAnnotation(&b.ObjectMeta, domain+name, value) }
	switch f.what {
	case "claim":
		set("held", forgedClaim(w, token.id, target, f.role))
	case "own claim":
		if own := w.find(b.Status.Target.ID); own != nil {
			set("held", forgedClaim(w, b.Status.Token.ID, own, f.role))
		}
	case "garbage":
		set("held", `{"token":`)
	case "words":
		for _, name := range []string{"claim", "origin", "pin", "claimed-at", "journal", "released"} {
			set(name, forgedClaim(w, token.id, target, f.role))
		}
	case "confirm":
		w.forgeConfirmation(b, token, target, set)
	case "strip":
		for name := range b.Annotations {
			if strings.HasPrefix(name, domain) {
				delete(b.Annotations, name)
			}
		}
	}
}

// forgeConfirmation confirms a token and a target that never had the names which the binding gives.
func (w *world) forgeConfirmation(b *v1alpha1.ScopedTokenBinding, token, target *entity, set func(name, value string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(token.names, b.Spec.Token.Name) {
		set("confirm-token", token.id)
	}
	if !slices.Contains(target.names, b.Spec.Target.Name) {
		set("confirm-target", target.id)
	}
}

// forgedClaim is a claim as an operator once wrote it into an annotation, earlier than every true one.
func forgedClaim(w *world, token string, target *entity, role roleDraw) string {
	kind := v1alpha1.TargetWorkspace
	if target.kind == kinds[v1alpha1.TargetDeployment] {
		kind = v1alpha1.TargetDeployment
	}
	host := ""
	if w.lane.astro != nil {
		host = w.lane.astro.address
	}
	return fmt.Sprintf(`{"host":%q,"organization":%q,"token":%q,"scope":"Organization","targetKind":%q,"target":%q,"role":%q,"origin":"Created","time":"2001-01-01T00:00:00.000000Z"}`,
		host, w.org, token, kind, target.id, role.on(kind))
}

// drawForgeFinalizer writes the operator's finalizer by hand: on a new binding, which the rules may refuse, or on one that
// is there.
func drawForgeFinalizer(d draw) func(*world) {
	b, isNew := drawBinding(d), d.chance(0.5)
	b.finalizer = true
	return func(w *world) {
		w.tally.add("users_forged_finalizers", 1)
		if isNew {
			w.create(b)
			return
		}
		w.edit(w.plan.slot(b.slot), "write the finalizer", func(b *v1alpha1.ScopedTokenBinding) {
			if b.DeletionTimestamp.IsZero() && !slices.Contains(b.Finalizers, v1alpha1.FinalizerRevoke) {
				b.Finalizers = append(b.Finalizers, v1alpha1.FinalizerRevoke)
			}
		})
	}
}

// drawStripFinalizer strips the finalizers of a binding, preferably of one that is being deleted.
func drawStripFinalizer(d draw) func(*world) {
	first := d.IntN(slots)
	return func(w *world) {
		for n := range slots {
			b := w.get(w.plan.slot(first + n))
			if b != nil && !b.DeletionTimestamp.IsZero() {
				w.stripFinalizers(slot{b.Namespace, b.Name})
				w.tally.add("users_stripped_deleting", 1)
				return
			}
		}
		if w.get(w.plan.slot(first)) != nil {
			w.stripFinalizers(w.plan.slot(first))
		}
	}
}
