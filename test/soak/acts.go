package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// act is one thing that happens.
type act struct {
	name string
	do   func(*world, context.Context) error
}

// acts are what may happen in a round, the frequent ones several times.
var acts = []act{
	{"edit", (*world).editRole}, {"edit", (*world).editRole}, {"edit", (*world).editRole},
	{"remake", (*world).remake}, {"remake", (*world).remake}, {"remake", (*world).remake},
	{"drift", (*world).driftOne}, {"drift", (*world).driftOne},
	{"retain", (*world).retain},
	{"suspend", (*world).suspend},
	{"observe", (*world).observe},
	{"foreign", (*world).foreign},
	{"bad", (*world).bad},
	{"remake-token", (*world).remakeToken},
	{"remake-target", (*world).remakeTarget},
	{"guest", (*world).guest},
	{"rotate", (*world).rotate},
	{"rules", (*world).rules},
	{"inventory", (*world).remakeInventory},
}

// happen lets one thing happen.
func (w *world) happen(ctx context.Context) error {
	a := pick(w, acts)
	if w.verbose {
		w.printf("# round %d: %s", w.round, a.name)
	}
	w.acted++
	w.counts[a.name]++
	if err := a.do(w, ctx); err != nil {
		return fmt.Errorf("%s: %w", a.name, err)
	}
	return nil
}

func (w *world) happened() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(w.counts)) {
		all = append(all, fmt.Sprintf("%s=%d", name, w.counts[name]))
	}
	return strings.Join(all, " ")
}

func (w *world) editRole(ctx context.Context) error {
	g := w.free()
	g.role = w.roleFor(g.target)
	w.ledger.note(w.place(g), g.role)
	return w.edit(ctx, g, func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Role = g.role })
}

// remake deletes a binding and makes another for the same place, which the operator may see at once or one by one.
func (w *world) remake(ctx context.Context) error {
	g := w.free()
	if err := w.retract(ctx, g); err != nil {
		return err
	}
	g.role = w.roleFor(g.target)
	return w.declare(ctx, g)
}

func (w *world) driftOne(context.Context) error {
	g := w.free()
	w.ledger.note(w.place(g), g.role)
	w.drift(g)
	return nil
}

// retain leaves a role behind, and takes it over again in the next round. Neither is a reason to write.
func (w *world) retain(ctx context.Context) error {
	g := w.free()
	if err := w.edit(ctx, g, func(b *v1alpha1.ScopedTokenBinding) { b.Spec.DeletionPolicy = v1alpha1.DeletionRetain }); err != nil {
		return err
	}
	if err := w.retract(ctx, g); err != nil {
		return err
	}
	w.later(func(ctx context.Context) error { return w.declare(ctx, g) }, g)
	return nil
}

// suspend stops work on a binding whose role then drifts, until the next round.
func (w *world) suspend(ctx context.Context) error {
	g := w.free()
	if err := w.edit(ctx, g, func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = true }); err != nil {
		return err
	}
	w.later(func(ctx context.Context) error {
		w.drift(g)
		w.ledger.note(w.place(g), g.role)
		return w.edit(ctx, g, func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = false })
	}, g)
	return nil
}

// observe lets go of a role, and takes it over again in the next round.
func (w *world) observe(ctx context.Context) error {
	g := w.free()
	if err := w.edit(ctx, g, func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Mode = v1alpha1.ModeObserve }); err != nil {
		return err
	}
	w.later(func(ctx context.Context) error {
		w.ledger.note(w.place(g), g.role)
		return w.edit(ctx, g, func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Mode = v1alpha1.ModeEnforce })
	}, g)
	return nil
}
