package main

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func (w *world) place(g *grant) place { return place{w.tokens[g.token], w.targets[g.target].id} }

// declare makes the binding of a grant, under a name of its own.
func (w *world) declare(ctx context.Context, g *grant) error {
	g.name = w.named("grant")
	w.ledger.note(w.place(g), g.role)
	return w.kube.Create(ctx, w.binding(g))
}

// retract deletes the binding of a grant.
func (w *world) retract(ctx context.Context, g *grant) error {
	w.ledger.note(w.place(g), "")
	return w.kube.Delete(ctx, &v1alpha1.ScopedTokenBinding{ObjectMeta: metav1.ObjectMeta{Namespace: g.namespace, Name: g.name}})
}

// edit changes the binding of a grant by a merge patch of what the function changes.
func (w *world) edit(ctx context.Context, g *grant, change func(*v1alpha1.ScopedTokenBinding)) error {
	b := &v1alpha1.ScopedTokenBinding{}
	if err := w.kube.Get(ctx, client.ObjectKey{Namespace: g.namespace, Name: g.name}, b); err != nil {
		return err
	}
	before := b.DeepCopy()
	change(b)
	return w.kube.Patch(ctx, b, client.MergeFrom(before))
}

// drift changes or removes the role of a place behind everybody's back.
func (w *world) drift(g *grant) {
	p, t := w.place(g), w.targets[g.target]
	if w.random.IntN(2) == 0 {
		w.sim.RevokeRole(p.token, entityOf(t), p.target)
		return
	}
	w.sim.GrantRole(p.token, entityOf(t), p.target, w.roleFor(g.target))
}

func entityOf(t target) string {
	if t.isWorkspace() {
		return astrosim.TypeWorkspace
	}
	return astrosim.TypeDeployment
}

// later does something at the beginning of the next round. The grants are left alone until then.
func (w *world) later(do func(context.Context) error, busy ...*grant) {
	for _, g := range busy {
		g.busy = true
	}
	w.undo = append(w.undo, func(ctx context.Context) error {
		for _, g := range busy {
			g.busy = false
		}
		return do(ctx)
	})
}

// free draws a grant to which nothing else is being done.
func (w *world) free() *grant {
	for {
		if g := pick(w, w.grants); !g.busy {
			return g
		}
	}
}

// request asks the operator by annotation to look at a grant.
func (w *world) request(ctx context.Context, g *grant) error {
	w.ledger.note(w.place(g), g.role)
	return w.edit(ctx, g, func(b *v1alpha1.ScopedTokenBinding) {
		metav1.SetMetaDataAnnotation(&b.ObjectMeta, v1alpha1.AnnotationRequestedAt, w.named("request"))
	})
}

// tick lets a sweep interval pass, and wakes the connections, whose timers know nothing of it.
func (w *world) tick(ctx context.Context) error {
	w.ahead.Add(int64(68 * time.Second))
	var own v1alpha1.AstroConnectionList
	var central v1alpha1.ClusterAstroConnectionList
	if err := w.kube.List(ctx, &own); err != nil {
		return err
	}
	if err := w.kube.List(ctx, &central); err != nil {
		return err
	}
	patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"metadata":{"annotations":{"soak/woken":"%d"}}}`, time.Now().UnixNano()))
	for i := range own.Items {
		if err := w.kube.Patch(ctx, &own.Items[i], patch); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	for i := range central.Items {
		if err := w.kube.Patch(ctx, &central.Items[i], patch); err != nil {
			return err
		}
	}
	return nil
}
