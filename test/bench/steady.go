package main

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

const (
	quickSweep = 5 * time.Second // the shortest there is
	usualSweep = 5 * time.Minute
	// drifted is how many tokens lose a role behind the operator's back.
	drifted = 10
)

// atRest measures what is to be had for nothing: sweeps and a restart with everything in sync, and drift in between.
func (w *world) atRest(ctx context.Context, s size) error {
	if err := w.sweepEvery(ctx, quickSweep); err != nil {
		return err
	}
	if err := w.idle(ctx, s); err != nil {
		return fmt.Errorf("idle: %w", err)
	}
	if err := w.drift(ctx, s); err != nil {
		return fmt.Errorf("drift: %w", err)
	}
	if err := w.sweepEvery(ctx, usualSweep); err != nil {
		return err
	}
	if err := w.restart(ctx, s); err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	return nil
}

func (w *world) sweepEvery(ctx context.Context, interval time.Duration) error {
	var c v1alpha1.AstroConnection
	if err := w.kube.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: builders.ConnectionName}, &c); err != nil {
		return err
	}
	before := c.DeepCopy()
	c.Spec.SweepInterval.Duration = interval
	if err := w.kube.Patch(ctx, &c, client.MergeFrom(before)); err != nil {
		return err
	}
	_, err := w.rest(ctx)
	return err
}

// sweep waits until so many listings have begun.
func (w *world) sweep(ctx context.Context, n int) error {
	until := w.org.calls().pages + n*w.org.pages()
	return poll(ctx, seldom, time.Duration(n+2)*2*quickSweep, func() (bool, error) { return w.org.calls().pages >= until, nil })
}

func (w *world) idle(ctx context.Context, s size) error {
	before, err := w.operator.usage()
	if err != nil {
		return err
	}
	callsBefore := w.org.calls()
	if err := w.sweep(ctx, w.sweeps); err != nil {
		return err
	}
	if _, err := w.rest(ctx); err != nil {
		return err
	}
	after, err := w.operator.usage()
	if err != nil {
		return err
	}
	spent, used := w.org.calls().minus(callsBefore), after.minus(before)
	fmt.Fprintf(w.figures.out, "# idle with %s, %d sweeps\n", s, w.sweeps)
	w.figures.print("idle_calls_per_sweep", float64(spent.total())/float64(w.sweeps), "calls", new(bound(float64(w.org.pages()))), spent.notes()...)
	w.figures.print("idle_astro_writes", float64(spent.posts+spent.others), "writes", new(bound(0)))
	w.figures.print("idle_kubernetes_writes", float64(used.writes()), "writes", new(bound(0)))
	w.figures.print("idle_processor_per_sweep", used.processor/float64(w.sweeps)*1000, "ms", nil)
	return nil
}

// drift takes one declared role from each of some tokens, and waits until all are back.
func (w *world) drift(ctx context.Context, s size) error {
	gone := w.org.oneOfEach(min(drifted, s.tokens))
	before := w.org.calls()
	start := time.Now()
	for _, g := range gone {
		w.org.sim.RevokeRole(g.token.id, astrosim.TypeDeployment, g.target.id)
	}
	err := poll(ctx, often, time.Minute, func() (bool, error) { return w.org.lost(gone) == 0, nil })
	if err != nil {
		return fmt.Errorf("%d of %d roles are not back: %w", w.org.lost(gone), len(gone), err)
	}
	took := time.Since(start)
	if _, err := w.rest(ctx); err != nil {
		return err
	}
	spent, suffix := w.org.calls().minus(before), fmt.Sprintf("_%d", len(gone))
	w.figures.print("drift_repaired"+suffix, took.Seconds(), "s", new(bound((quickSweep*11/10 + 2*time.Second).Seconds())), "sweep_interval=5s")
	w.figures.print("drift_reads"+suffix, float64(spent.reads), "calls", new(bound(float64(len(gone)))), spent.notes()...)
	w.figures.print("drift_writes"+suffix, float64(spent.posts), "calls", new(bound(float64(len(gone)))))
	return nil
}

// restart ends the operator and starts another, which has to find out that there is nothing to do.
func (w *world) restart(ctx context.Context, s size) error {
	w.operator.stop()
	before := w.org.calls()
	if err := w.start(ctx); err != nil {
		return err
	}
	if err := w.sweep(ctx, 0); err != nil {
		return err
	}
	last, err := w.rest(ctx)
	if err != nil {
		return err
	}
	used, err := w.operator.usage()
	if err != nil {
		return err
	}
	spent := w.org.calls().minus(before)
	fmt.Fprintln(w.figures.out, "# restart with", s, "in sync")
	w.figures.print("restart_astro_writes", float64(spent.posts+spent.others), "writes", new(bound(0)), spent.notes()...)
	w.figures.print("restart_kubernetes_writes", float64(used.writes()), "writes", new(bound(0)))
	w.figures.print("restart_settled", last.Sub(w.operator.started).Seconds(), "s", nil, fmt.Sprintf("reconciles=%d", used.worked))
	w.figures.print("restart_memory", used.memory, "MiB", nil, fmt.Sprintf("peak=%s", number(used.peak)))
	w.figures.print("restart_processor", used.processor, "s", nil)
	w.figures.mustBeZero("restart_lost", w.org.lost(w.org.grants), "roles")
	return nil
}
