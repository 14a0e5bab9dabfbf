package main

import (
	"context"
	"time"
)

// perToken is how many of the bindings applied one after another come to stand on one token.
const perToken = 10

// oneByOne applies bindings one after another, each when the one before is Ready, and measures each from the request to the
// moment at which somebody who watches sees it Ready.
func (b *bench) oneByOne(ctx context.Context) error {
	if b.singles == 0 {
		return nil
	}
	w, err := b.newWorld(ctx, size{b.singles, max(1, b.singles/perToken)})
	if err != nil {
		return err
	}
	defer w.close()
	if err := w.start(ctx); err != nil {
		return err
	}
	if err := w.connected(ctx); err != nil {
		return err
	}
	seen, err := w.watchReadiness(ctx)
	if err != nil {
		return err
	}
	defer seen.stop()
	took, err := w.applyInTurn(ctx, seen, w.org.grants, 0)
	if err != nil {
		return err
	}
	b.figures.print("one_binding_p50", percentile(took, 50).Seconds(), "s", new(bound(1)))
	b.figures.print("one_binding_p99", percentile(took, 99).Seconds(), "s", new(bound(1)), listed("max", []time.Duration{percentile(took, 100)}))
	b.figures.mustBeZero("lost_one_by_one", w.org.lost(w.org.grants), "roles")
	return nil
}

// applyInTurn applies one binding after another, each some time after the one before is Ready.
func (w *world) applyInTurn(ctx context.Context, seen *readiness, grants []grant, pause time.Duration) ([]time.Duration, error) {
	var took []time.Duration
	for _, g := range grants {
		time.Sleep(pause)
		start := time.Now()
		if err := w.kube.Create(ctx, w.binding(g)); err != nil {
			return nil, err
		}
		at, err := seen.one(ctx, g.name)
		if err != nil {
			return nil, err
		}
		took = append(took, at.Sub(start))
	}
	return took, nil
}
