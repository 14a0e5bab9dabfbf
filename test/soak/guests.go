package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// What comes with a name of its own and goes again with the next round.

// foreign gives a token a role on a Workspace that no binding speaks of.
func (w *world) foreign(context.Context) error {
	token, workspace := w.alive(), w.visit()
	w.sim.GrantRole(token, astrosim.TypeWorkspace, workspace, "WORKSPACE_MEMBER")
	w.later(func(context.Context) error {
		w.sim.DeleteWorkspace(workspace)
		return nil
	})
	return nil
}

// alive draws a token that is there.
func (w *world) alive() string { return w.tokens[w.free().token] }

// visit makes a Workspace that is there for a round.
func (w *world) visit() string {
	id := w.sim.AddWorkspace(w.org, w.named("guest"))
	w.guests[id] = true
	return id
}

// bad makes bindings that cannot be granted: of a role, and of a token, that are not there.
func (w *world) bad(ctx context.Context) error {
	deployment := w.sim.AddDeployment(w.visit(), w.named("guest"))
	w.guests[deployment] = true
	role := builders.Binding(w.named("bad")).In(teams[0]).ForTokenID(w.alive()).OnDeployment(deployment).WithRole(w.named("No Such Role")).Object()
	name := builders.Binding(w.named("bad")).In(teams[1]).ForToken(w.named("nobody")).OnDeployment(w.targets[2].id).Object()
	for _, o := range []client.Object{role, name} {
		if err := w.kube.Create(ctx, o); err != nil {
			return err
		}
	}
	w.later(func(ctx context.Context) error { return w.remove(ctx, role, name) })
	return nil
}

// guest is a connection with a credential and bindings of its own.
func (w *world) guest(ctx context.Context) error {
	name, namespace, workspace := w.named("guest"), teams[0], w.visit()
	credential := w.sim.AddOrganizationToken(w.org, name, "ORGANIZATION_OWNER")
	c := w.connection(name).In(namespace).WithSecret(name).Object()
	secret := builders.Secret(namespace, name, w.sim.Credential(credential))
	var bindings []client.Object
	held := []string{w.alive(), w.alive()}
	for _, token := range held {
		w.ledger.note(place{token, workspace}, "WORKSPACE_MEMBER")
		bindings = append(bindings, builders.Binding(w.named("guest")).In(namespace).Through(name).ForTokenID(token).OnWorkspace(workspace).WithRole("WORKSPACE_MEMBER").Object())
	}
	for _, o := range append([]client.Object{secret, c}, bindings...) {
		if err := w.kube.Create(ctx, o); err != nil {
			return err
		}
	}
	w.later(func(ctx context.Context) error {
		for _, token := range held {
			w.ledger.note(place{token, workspace}, "")
		}
		if err := w.remove(ctx, bindings...); err != nil {
			return err
		}
		if err := w.remove(ctx, c, secret); err != nil {
			return err
		}
		w.sim.DeleteToken(credential)
		w.sim.DeleteWorkspace(workspace)
		return nil
	})
	return nil
}

var errStays = errors.New("it has a finalizer")

// remove deletes objects, and waits until they are gone.
func (w *world) remove(ctx context.Context, objects ...client.Object) error {
	for _, o := range objects {
		if err := w.kube.Delete(ctx, o); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	for _, o := range objects {
		err := w.until(ctx, func() error {
			err := w.kube.Get(ctx, client.ObjectKeyFromObject(o), o)
			if apierrors.IsNotFound(err) {
				return nil
			}
			return fmt.Errorf("%T %s is still there: %w", o, o.GetName(), cmp.Or(err, errStays))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// until polls until there is nothing against it.
func (w *world) until(ctx context.Context, check func() error) error {
	for deadline := time.Now().Add(w.patience); ; time.Sleep(20 * time.Millisecond) {
		err := check()
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
	}
}

func (w *world) inventory() *v1alpha1.TargetInventory {
	return &v1alpha1.TargetInventory{
		ObjectMeta: metav1.ObjectMeta{Namespace: teams[0], Name: w.named("inventory")},
		Spec: v1alpha1.TargetInventorySpec{
			ConnectionRef: v1alpha1.ConnectionReference{Name: builders.ConnectionName},
			Target:        v1alpha1.TargetReference{Kind: v1alpha1.TargetWorkspace, ID: v1alpha1.AstroID(w.targets[0].id)},
		},
	}
}

func (w *world) remakeInventory(ctx context.Context) error {
	if err := w.kube.DeleteAllOf(ctx, &v1alpha1.TargetInventory{}, client.InNamespace(teams[0])); err != nil {
		return err
	}
	return w.kube.Create(ctx, w.inventory())
}
