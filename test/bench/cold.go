package main

import (
	"context"
	"fmt"
	"time"
)

const (
	// latecomers are the bindings that are applied one after another while the operator is busy with all others.
	latecomers = 10
	// between is how long after one is Ready the next is applied.
	between = time.Second
)

// coldStart applies the bindings of a size before the operator is started, and measures from its start; and how long a few
// take that are applied meanwhile.
func (b *bench) coldStart(ctx context.Context, s size) error {
	alone, err := b.writesAlone(ctx, s)
	if err != nil {
		return fmt.Errorf("writes to Kubernetes alone: %w", err)
	}
	w, err := b.newWorld(ctx, s)
	defer w.close()
	if err != nil {
		return err
	}
	first := max(len(w.org.grants)-latecomers, 1)
	late := w.org.grants[first:]
	o := outcome{grants: w.org.grants[:first]}
	if o.applied, err = w.apply(ctx, o.grants); err != nil {
		return err
	}
	took, err := w.startCold(ctx, &o, late)
	if err != nil {
		return err
	}
	b.printLoad(cold, s, []outcome{o}, alone)
	suffix := fmt.Sprintf("_cold_%d", s.bindings)
	b.figures.print("one_binding_p50"+suffix, percentile(took, 50).Seconds(), "s", new(bound(5)))
	b.figures.print("one_binding_max"+suffix, percentile(took, 100).Seconds(), "s", new(bound(5)), fmt.Sprintf("of=%d", len(took)))
	return nil
}

// startCold starts the operator, applies the latecomers in turn, and says how long those took.
func (w *world) startCold(ctx context.Context, o *outcome, late []grant) ([]time.Duration, error) {
	seen, err := w.watchReadiness(ctx)
	if err != nil {
		return nil, err
	}
	defer seen.stop()
	start := time.Now()
	if err := w.start(ctx); err != nil {
		return nil, err
	}
	profiled := w.profileFor(w.expected())
	var took []time.Duration
	applied := make(chan error, 1)
	go func() {
		var err error
		took, err = w.applyInTurn(ctx, seen, late, between)
		applied <- err
	}()
	if _, err := seen.all(ctx, o.grants, w.patience); err != nil {
		return nil, fmt.Errorf("%w: %s", err, w.reasons(ctx))
	}
	if err := <-applied; err != nil {
		return nil, err
	}
	return took, w.finish(ctx, o, seen, start, usage{}, calls{}, profiled)
}
