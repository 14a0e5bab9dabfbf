package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// auditorSteps are what somebody does who wants a target to hold nothing but what is declared.
var auditorSteps = []weighted{
	{3, drawConfirmRemovals},
	{1, drawInventoryMode},
	{1, drawDeleteInventory},
}

// confirmPatience is for how long an auditor waits for something to confirm. It takes two listings, a second apart.
const confirmPatience = 4 * time.Second

// openRule allows everybody everything, and inventories to have removed what nobody declares.
func openRule() v1alpha1.AllowRule {
	rule := builders.AllowAll("*")
	rule.RemoveUndeclared = true
	return rule
}

func (w *world) inventory(e *entity) *v1alpha1.TargetInventory {
	kind := v1alpha1.TargetWorkspace
	if e.kind == astrosim.TypeDeployment {
		kind = v1alpha1.TargetDeployment
	}
	return &v1alpha1.TargetInventory{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespaces[1], Name: fmt.Sprintf("s%d-%s", w.plan.number, e.id), Labels: w.labels()},
		Spec: v1alpha1.TargetInventorySpec{
			ConnectionRef: v1alpha1.ConnectionReference{Kind: v1alpha1.KindClusterAstroConnection, Name: w.shared()},
			Target:        v1alpha1.TargetReference{Kind: kind, ID: v1alpha1.AstroID(e.id)},
			Undeclared:    v1alpha1.UndeclaredRemove,
		},
	}
}

// drawConfirmRemovals gives a token a role, looks at an inventory until it lists what nobody declares, and confirms it.
func drawConfirmRemovals(d draw) func(*world) {
	target, pause, grants := d.number(), d.upTo(300*time.Millisecond), []func(*world){drawGrant(d), drawGrant(d), drawGrant(d)}
	return func(w *world) {
		for _, grant := range grants {
			grant(w)
		}
		i := w.inventory(w.entity(target))
		err := w.try(func(ctx context.Context) error { return w.kube.Create(ctx, i) })
		if err != nil && !apierrors.IsAlreadyExists(err) {
			w.notedf("auditor", err, "create inventory %s", i.Name)
			return
		}
		for end := time.Now().Add(confirmPatience); time.Now().Before(end) && w.ctx.Err() == nil; time.Sleep(300 * time.Millisecond) {
			err := w.try(func(ctx context.Context) error { return w.kube.Get(ctx, client.ObjectKeyFromObject(i), i) })
			if err == nil && i.Status.Confirm != "" && len(i.Status.Removals) > 0 {
				time.Sleep(pause)
				w.confirmRemovals(i)
				return
			}
			w.askSweeps()
		}
	}
}

// confirmRemovals confirms what the inventory was seen to list.
func (w *world) confirmRemovals(i *v1alpha1.TargetInventory) {
	protected, err := w.bindings()
	if err != nil {
		return
	}
	w.facts.confirmRemovals(i, protected)
	err = w.try(func(ctx context.Context) error {
		before := i.DeepCopy()
		metav1.SetMetaDataAnnotation(&i.ObjectMeta, v1alpha1.AnnotationConfirmUndeclared, i.Status.Confirm)
		return w.kube.Patch(ctx, i, client.MergeFrom(before))
	})
	w.tally.add("removals_confirmed", len(i.Status.Removals))
	w.notedf("auditor", err, "confirm %s of %s: %+v", i.Status.Confirm, i.Name, i.Status.Removals)
}

func drawInventoryMode(d draw) func(*world) {
	target := d.number()
	return func(w *world) {
		i := w.inventory(w.entity(target))
		err := w.try(func(ctx context.Context) error {
			if err := w.kube.Get(ctx, client.ObjectKeyFromObject(i), i); err != nil {
				return client.IgnoreNotFound(err)
			}
			before := i.DeepCopy()
			if i.Spec.Undeclared == v1alpha1.UndeclaredRemove {
				i.Spec.Undeclared = v1alpha1.UndeclaredReport
			} else {
				i.Spec.Undeclared = v1alpha1.UndeclaredRemove
			}
			return w.kube.Patch(ctx, i, client.MergeFrom(before))
		})
		w.notedf("auditor", err, "inventory %s: undeclared: %s", i.Name, i.Spec.Undeclared)
	}
}

func drawDeleteInventory(d draw) func(*world) {
	target := d.number()
	return func(w *world) {
		i := w.inventory(w.entity(target))
		err := w.try(func(ctx context.Context) error { return client.IgnoreNotFound(w.kube.Delete(ctx, i)) })
		w.notedf("auditor", err, "delete inventory %s", i.Name)
	}
}

// confirmedRemoval is a role that an auditor has confirmed is to be removed.
type confirmedRemoval struct {
	place

	role      string
	protected []v1alpha1.ScopedTokenBinding // those that were there before
}

// confirmRemovals remembers what an auditor is about to confirm.
func (f *facts) confirmRemovals(i *v1alpha1.TargetInventory, there []v1alpha1.ScopedTokenBinding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range i.Status.Removals {
		f.removals = append(f.removals, confirmedRemoval{place{r.ID, kinds[i.Spec.Target.Kind], string(i.Spec.Target.ID)}, r.Role, there})
	}
}

// confirmedRemovals are those of a role at a place.
func (f *facts) confirmedRemovals(p place, role string) (all []confirmedRemoval) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.removals {
		if r.place == p && r.role == role {
			all = append(all, r)
		}
	}
	return all
}

// mayRemove says whether a role that nobody held may have been removed, since an auditor has confirmed it.
func (w *world) mayRemove(p place, role string) bool {
	there, err := w.bindings()
	if err != nil || !w.facts.mayRemove(p, role, there) {
		return err != nil
	}
	w.tally.add("removals_made", 1)
	return true
}

// mayRemove says whether a role was confirmed while no binding that is there still spoke of the place by ids.
func (f *facts) mayRemove(p place, role string, there []v1alpha1.ScopedTokenBinding) bool {
	protects := func(b v1alpha1.ScopedTokenBinding) bool {
		is := func(now v1alpha1.ScopedTokenBinding) bool { return now.UID == b.UID }
		return speaksByID(&b, p) && slices.ContainsFunc(there, is)
	}
	confirmed := f.confirmedRemovals(p, role)
	return len(confirmed) > 0 && !slices.ContainsFunc(confirmed, func(r confirmedRemoval) bool { return slices.ContainsFunc(r.protected, protects) })
}

// speaksByID says whether a binding speaks of the place, whatever it says of it, as its spec or its status spells it.
func speaksByID(b *v1alpha1.ScopedTokenBinding, p place) bool {
	token := string(b.Spec.Token.ID) == p.token || b.Status.Token.ID == p.token
	target := string(b.Spec.Target.ID) == p.target || b.Status.Target.ID == p.target
	return token && target && kinds[b.Spec.Target.Kind] == p.kind
}

// deleteInventories takes away what auditors have left.
func (w *world) deleteInventories() {
	w.must(w.try(func(ctx context.Context) error {
		return w.kube.DeleteAllOf(ctx, &v1alpha1.TargetInventory{}, client.InNamespace(namespaces[1]), client.MatchingLabels(w.labels()))
	}))
}
