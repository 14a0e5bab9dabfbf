package main

import (
	"context"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// replacement is how a binding is replaced by another one of the same name.
type replacement struct {
	slot, target, token int
	change              string // what is different: target, role or token
	role                roleDraw
	metadata            bool // annotations and finalizers are kept, as in an exported manifest
	removal             removal
}

// removal is how a binding is made to vanish.
type removal struct {
	stripFirst bool          // the finalizers are stripped before the deletion, and not after it
	pause      time.Duration // between the two
}

func drawRemoval(d draw) removal {
	return removal{d.chance(0.3), pick(d, 0, 0, d.upTo(20*time.Millisecond))}
}

// drawReplace replaces a binding at once, as `kubectl replace --force` does: the finalizers of the old object are
// stripped, and a new one takes its name with another target, role or token.
func drawReplace(d draw) func(*world) {
	r := replacement{
		slot: d.IntN(slots), target: d.number(), token: d.number(), change: pick(d, "target", "target", "role", "token"),
		role: drawRole(d), metadata: d.chance(0.3), removal: drawRemoval(d),
	}
	return func(w *world) { w.replace(r) }
}

func (w *world) replace(r replacement) {
	old := w.existing(r.slot)
	if old == nil {
		return
	}
	fresh := manifest(old, slot{old.Namespace, old.Name}, r.metadata)
	switch r.change {
	case "target":
		w.aim(fresh, nil, w.entity(r.target), r)
	case "token":
		w.aim(fresh, w.token(r.token), nil, r)
	default:
		fresh.Spec.Role = r.role.on(fresh.Spec.Target.Kind)
	}
	w.removeAtOnce(old, r.removal)
	w.facts.declare(fresh)
	err := w.try(func(ctx context.Context) error { return w.kube.Create(ctx, fresh) })
	w.notedf("user", err, "replace with another %s: %s", r.change, bindingWords(fresh))
	w.tally.add("users_replaced", 1)
}

// aim changes the token or the target of a manifest, and keeps to what the two allow each other.
func (w *world) aim(b *v1alpha1.ScopedTokenBinding, token, target *entity, r replacement) {
	drawn := builders.Binding(b.Name)
	if token != nil {
		aimToken(drawn, token, r.slot%2 == 0)
		b.Spec.Token = drawn.Object().Spec.Token
		if b.Spec.Token.Scope != v1alpha1.ScopeWorkspace || b.Spec.Target.Kind == v1alpha1.TargetDeployment {
			return
		}
	}
	if target == nil || target.kind == "WORKSPACE" && b.Spec.Token.Scope == v1alpha1.ScopeWorkspace {
		target = w.deploymentOf(r.target)
	}
	aimTarget(drawn, target, r.slot%2 == 1)
	b.Spec.Target = drawn.Object().Spec.Target
	b.Spec.Role = r.role.on(b.Spec.Target.Kind)
}

// manifest is what a user applies who has exported an object: without what the API server has added, under another name.
func manifest(from *v1alpha1.ScopedTokenBinding, to slot, metadata bool) *v1alpha1.ScopedTokenBinding {
	b := &v1alpha1.ScopedTokenBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: to.namespace, Name: to.name, Labels: maps.Clone(from.Labels)},
		Spec:       *from.Spec.DeepCopy(),
	}
	if metadata {
		b.Annotations, b.Finalizers = maps.Clone(from.Annotations), slices.Clone(from.Finalizers)
	}
	return b
}

// drawVanish deletes a binding and strips its finalizers, so that the operator cannot finish the deletion.
func drawVanish(d draw) func(*world) {
	n, how := d.IntN(slots), drawRemoval(d)
	return func(w *world) {
		if b := w.existing(n); b != nil {
			w.removeAtOnce(b, how)
		}
	}
}

// removeAtOnce deletes a binding and strips its finalizers.
func (w *world) removeAtOnce(b *v1alpha1.ScopedTokenBinding, how removal) {
	s := slot{b.Namespace, b.Name}
	if how.stripFirst {
		w.stripFinalizers(s)
		time.Sleep(how.pause)
	}
	w.remove(s)
	if !how.stripFirst {
		time.Sleep(how.pause)
		w.stripFinalizers(s)
	}
	w.tally.add("users_removed_at_once", 1)
}

func (w *world) stripFinalizers(s slot) {
	b := &v1alpha1.ScopedTokenBinding{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: s.name}}
	patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
	err := w.try(func(ctx context.Context) error { return w.kube.Patch(ctx, b, patch) })
	if !apierrors.IsNotFound(err) {
		w.notedf("user", err, "strip the finalizers of %s/%s (%s)", s.namespace, s.name, b.UID)
	}
}

// drawCopy copies the manifest of a binding to another name in another namespace: annotations, labels, finalizers, spec.
func drawCopy(d draw) func(*world) {
	from, to := d.IntN(slots), d.IntN(slots)
	return func(w *world) { w.copy(from, to) }
}

func (w *world) copy(n, into int) {
	original := w.existing(n)
	if original == nil {
		return
	}
	from, to := slot{original.Namespace, original.Name}, w.plan.slot(into)
	if to.namespace == from.namespace {
		to = w.plan.slot(into + 1)
	}
	b := manifest(original, to, true)
	w.facts.declare(b)
	err := w.try(func(ctx context.Context) error { return w.kube.Create(ctx, b) })
	if apierrors.IsAlreadyExists(err) {
		return
	}
	w.notedf("user", err, "copy %s/%s with %d annotations and %v: %s", from.namespace, from.name, len(b.Annotations), b.Finalizers, bindingWords(b))
	w.tally.add("users_copied", 1)
}

// existing is the binding of the first slot, from one on, that has a claim, or else of the first that there is; nil if all
// are empty.
func (w *world) existing(first int) (found *v1alpha1.ScopedTokenBinding) {
	for n := range slots {
		b := w.get(w.plan.slot(first + n))
		if b != nil && w.claimOf(b) != nil {
			return b
		}
		if found == nil {
			found = b
		}
	}
	return found
}

// get is the binding of a slot as it is now, nil if there is none.
func (w *world) get(s slot) *v1alpha1.ScopedTokenBinding {
	b := &v1alpha1.ScopedTokenBinding{}
	if err := w.try(func(ctx context.Context) error { return w.kube.Get(ctx, s.key(), b) }); err != nil {
		return nil
	}
	return b
}
