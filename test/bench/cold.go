package main

import (
	"context"
	"fmt"
	"time"
)

// coldStart applies all bindings of a size before the operator is started, and measures from its start.
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
	o := outcome{}
	if o.applied, err = w.apply(ctx); err != nil {
		return err
	}
	seen, err := w.watchReadiness(ctx)
	if err != nil {
		return err
	}
	defer seen.stop()
	start := time.Now()
	if err := w.start(ctx); err != nil {
		return err
	}
	profiled := w.profileFor(w.expected())
	if err := w.finish(ctx, &o, seen, start, usage{}, calls{}, profiled); err != nil {
		return err
	}
	b.printLoad(cold, s, []outcome{o}, alone)
	return nil
}
