package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// pass is one round: what the last one left behind comes home, things happen in whatever weather, a sweep interval
// passes, the weather clears up, and the operator has to reach what is declared.
func (w *world) pass(ctx context.Context) error {
	if err := w.homecoming(ctx); err != nil {
		return err
	}
	w.change()
	for range w.acts {
		if err := w.happen(ctx); err != nil {
			return err
		}
	}
	if err := w.tick(ctx); err != nil {
		return err
	}
	time.Sleep(150 * time.Millisecond)
	if err := w.scrape(); err != nil {
		return err
	}
	w.sim.ClearFaults()
	return w.rest(ctx)
}

func (w *world) homecoming(ctx context.Context) error {
	undo := w.undo
	w.undo = nil
	for _, do := range undo {
		if err := do(ctx); err != nil {
			return fmt.Errorf("bring home: %w", err)
		}
	}
	return nil
}

// home brings everything home, and lets a few sweeps pass in which nothing happens.
func (w *world) home(ctx context.Context) error {
	if err := w.homecoming(ctx); err != nil {
		return err
	}
	for range 3 {
		if err := w.tick(ctx); err != nil {
			return err
		}
		if err := w.rest(ctx); err != nil {
			return err
		}
	}
	return nil
}

// rest waits until the operator has come to rest and everything is as declared, and closes the books of the round.
func (w *world) rest(ctx context.Context) error {
	deadline := time.Now().Add(w.patience)
	for ticked := time.Now(); ; {
		w.quiet(ctx)
		err := w.asDeclared(ctx)
		if err == nil {
			break
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return fmt.Errorf("not as declared after %s: %w", w.patience, err)
		}
		if time.Since(ticked) > time.Second {
			ticked = time.Now()
			if err := w.tick(ctx); err != nil {
				return err
			}
		}
	}
	w.ledger.close(w.round, w.sim.Audit())
	w.sim.ResetAudit()
	return w.scrape()
}

// quiet waits until nobody calls Astro for a while and no work is under way.
func (w *world) quiet(ctx context.Context) {
	last, since := -1, time.Now()
	for deadline := time.Now().Add(w.patience / 3); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if calls := w.sim.Counts().Total; calls != last || busy() {
			last, since = calls, time.Now()
		}
		if time.Since(since) > 200*time.Millisecond {
			return
		}
	}
}

// asDeclared compares what Astro holds and the bindings say with what is declared.
func (w *world) asDeclared(ctx context.Context) error {
	var list v1alpha1.ScopedTokenBindingList
	if err := w.kube.List(ctx, &list); err != nil {
		return err
	}
	found := map[client.ObjectKey]*v1alpha1.ScopedTokenBinding{}
	for i := range list.Items {
		found[client.ObjectKeyFromObject(&list.Items[i])] = &list.Items[i]
	}
	declared, loose := map[place]string{}, map[place]bool{}
	for _, g := range w.grants {
		if g.busy {
			loose[w.place(g)] = true
			continue
		}
		declared[w.place(g)] = g.role
		if err := w.granted(ctx, g, found[client.ObjectKey{Namespace: g.namespace, Name: g.name}]); err != nil {
			return err
		}
	}
	for i := range list.Items {
		if b := &list.Items[i]; !b.DeletionTimestamp.IsZero() {
			return fmt.Errorf("binding %s/%s is not gone: %s", b.Namespace, b.Name, said(b))
		}
	}
	return w.astroAsDeclared(declared, loose)
}

// granted checks what is said of a grant. One that others changed too often is asked to be looked at once more.
func (w *world) granted(ctx context.Context, g *grant, b *v1alpha1.ScopedTokenBinding) error {
	if b == nil {
		return fmt.Errorf("binding %s/%s is gone", g.namespace, g.name)
	}
	if ready := meta.FindStatusCondition(b.Status.Conditions, v1alpha1.ConditionReady); ready != nil && ready.Reason == v1alpha1.ReasonExternalWriter {
		w.counts["gave-up"]++
		if err := w.request(ctx, g); err != nil {
			return err
		}
	}
	if b.Status.ObservedGeneration != b.Generation || !meta.IsStatusConditionTrue(b.Status.Conditions, v1alpha1.ConditionReady) {
		return fmt.Errorf("binding %s/%s is not ready: %s", g.namespace, g.name, said(b))
	}
	return nil
}

func said(b *v1alpha1.ScopedTokenBinding) string {
	if c := meta.FindStatusCondition(b.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return c.Reason + ": " + c.Message
	}
	return "nothing"
}

func (w *world) astroAsDeclared(declared map[place]string, loose map[place]bool) error {
	for _, token := range w.tokens {
		held := byTarget(w.sim.Roles(token))
		delete(held, w.org)
		for target := range union(held, w.targetIDs()) {
			p := place{token, target}
			if held[target] != declared[p] && !loose[p] && !w.guests[target] {
				return fmt.Errorf("token %s holds %q on %s, declared is %q", token, held[target], target, declared[p])
			}
		}
	}
	return nil
}

func (w *world) targetIDs() map[string]string {
	ids := map[string]string{}
	for _, t := range w.targets {
		ids[t.id] = ""
	}
	return ids
}
