package main

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// edit changes the binding of a slot, if there is one.
func (w *world) edit(s slot, words string, change func(*v1alpha1.ScopedTokenBinding)) {
	b := &v1alpha1.ScopedTokenBinding{}
	err := w.try(func(ctx context.Context) error {
		if err := w.kube.Get(ctx, s.key(), b); err != nil {
			return err
		}
		before := b.DeepCopy()
		change(b)
		w.facts.declare(b)
		return w.kube.Patch(ctx, b, client.MergeFrom(before))
	})
	if apierrors.IsNotFound(err) {
		return
	}
	w.notedf("user", err, "%s of %s/%s -> %s", words, s.namespace, s.name, bindingWords(b))
	w.sawVersion(b)
}

func drawEdit(words string, change func(*v1alpha1.ScopedTokenBinding)) func(draw) func(*world) {
	return func(d draw) func(*world) {
		n := d.IntN(slots)
		return func(w *world) { w.edit(w.plan.slot(n), words, change) }
	}
}

func drawEditRole(d draw) func(*world) {
	n, role := d.IntN(slots), drawRole(d)
	return func(w *world) {
		w.edit(w.plan.slot(n), "role", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Role = role.on(b.Spec.Target.Kind) })
	}
}

func drawAdopt(d draw) func(*world) {
	n, policy := d.IntN(slots), pick(d, v1alpha1.AdoptAlways, v1alpha1.AdoptIfSameRole, v1alpha1.AdoptNever)
	return func(w *world) {
		w.edit(w.plan.slot(n), "adopt", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Adopt = policy })
	}
}

// drawConfirm confirms that the token that has the name now is meant, whether or not the one before is gone.
func drawConfirm(d draw) func(*world) {
	n := d.IntN(slots)
	return func(w *world) {
		w.edit(w.plan.slot(n), "confirm the token", func(b *v1alpha1.ScopedTokenBinding) {
			if found := w.named(b.Spec.Token); len(found) > 0 {
				metav1.SetMetaDataAnnotation(&b.ObjectMeta, v1alpha1.AnnotationConfirmToken, found[len(found)-1].id)
			}
		})
	}
}

// drawConfirmTarget confirms that the target that has the name now is meant: of the first binding, from one on, that says it
// has been replaced, or else of the first, whether or not the one before is gone.
func drawConfirmTarget(d draw) func(*world) {
	n := d.IntN(slots)
	return func(w *world) {
		for i := range slots {
			if b := w.get(w.plan.slot(n + i)); b != nil && readyOf(b).Reason == v1alpha1.ReasonTargetReplaced {
				n += i
				break
			}
		}
		w.edit(w.plan.slot(n), "confirm the target", func(b *v1alpha1.ScopedTokenBinding) {
			if found := w.namedTargets(b.Spec.Target); len(found) > 0 {
				metav1.SetMetaDataAnnotation(&b.ObjectMeta, v1alpha1.AnnotationConfirmTarget, found[len(found)-1].id)
			}
		})
	}
}

func drawDelete(d draw) func(*world) {
	n := d.IntN(slots)
	return func(w *world) { w.remove(w.plan.slot(n)) }
}

// drawRecreate deletes a binding and makes another of the same name, as soon as that is free.
func drawRecreate(d draw) func(*world) {
	b := drawBinding(d)
	return func(w *world) {
		w.remove(w.plan.slot(b.slot))
		time.Sleep(5 * time.Millisecond)
		w.create(b)
	}
}

func (w *world) remove(s slot) {
	b := &v1alpha1.ScopedTokenBinding{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: s.name}}
	err := w.try(func(ctx context.Context) error { return w.kube.Delete(ctx, b) })
	if !apierrors.IsNotFound(err) {
		w.notedf("user", err, "delete %s/%s", s.namespace, s.name)
	}
}

// deleteAll deletes every binding of the schedule.
func (w *world) deleteAll() {
	for n := range slots {
		w.remove(w.plan.slot(n))
	}
}

func flipMode(b *v1alpha1.ScopedTokenBinding) {
	if b.Spec.Mode == v1alpha1.ModeObserve {
		b.Spec.Mode = v1alpha1.ModeEnforce
	} else {
		b.Spec.Mode = v1alpha1.ModeObserve
	}
}

func flipDeletion(b *v1alpha1.ScopedTokenBinding) {
	if b.Spec.DeletionPolicy == v1alpha1.DeletionRetain {
		b.Spec.DeletionPolicy = v1alpha1.DeletionRevoke
	} else {
		b.Spec.DeletionPolicy = v1alpha1.DeletionRetain
	}
}

func askNow(b *v1alpha1.ScopedTokenBinding) {
	metav1.SetMetaDataAnnotation(&b.ObjectMeta, v1alpha1.AnnotationRequestedAt, time.Now().Format(time.RFC3339Nano))
}

// pinByID replaces names by the ids that status has pinned.
func pinByID(b *v1alpha1.ScopedTokenBinding) {
	if b.Spec.Token.Name != "" && b.Status.Token.ID != "" {
		b.Spec.Token.Name, b.Spec.Token.ID = "", v1alpha1.AstroID(b.Status.Token.ID)
	}
	if b.Spec.Target.Name != "" && b.Status.Target.ID != "" {
		b.Spec.Target.Name, b.Spec.Target.ID = "", v1alpha1.AstroID(b.Status.Target.ID)
	}
}
