package main

import (
	"context"
	"fmt"
	"time"
)

// How the bindings and the operator come together.
const (
	atOnce = "applied at once"
	cold   = "there before the operator starts"
)

// outcome is what one run of a size came to.
type outcome struct {
	grants           []grant       // those that count for ready
	applied, ready   time.Duration // since the first binding was applied, or the operator was started
	calls            calls
	used             usage
	lost, othersLost int
	mostWrites       int
}

// applyAtOnce applies all bindings of a size while the operator runs, several times if that is quick. The last size's
// last world is then used for what is measured at rest.
func (b *bench) applyAtOnce(ctx context.Context, s size) error {
	alone, err := b.writesAlone(ctx, s)
	if err != nil {
		return fmt.Errorf("writes to Kubernetes alone: %w", err)
	}
	var outcomes []outcome
	for left := s.runs(b.repeat); left > 0; left-- {
		w, err := b.newWorld(ctx, s)
		if err == nil {
			var o outcome
			o, err = w.loadRunning(ctx)
			outcomes = append(outcomes, o)
		}
		if err == nil && left == 1 {
			b.printLoad(atOnce, s, outcomes, alone)
			if s == b.sizes[len(b.sizes)-1] {
				err = w.atRest(ctx, s)
			}
		}
		w.close()
		if err != nil {
			return err
		}
	}
	return nil
}

// loadRunning starts the operator, lets it come to rest and applies everything.
func (w *world) loadRunning(ctx context.Context) (o outcome, err error) {
	if err := w.start(ctx); err != nil {
		return o, err
	}
	if err := w.connected(ctx); err != nil {
		return o, err
	}
	before, err := w.operator.usage()
	if err != nil {
		return o, err
	}
	callsBefore := w.org.calls()
	seen, err := w.watchReadiness(ctx)
	if err != nil {
		return o, err
	}
	defer seen.stop()
	profiled := w.profileFor(w.expected())
	start := time.Now()
	o.grants = w.org.grants
	if o.applied, err = w.apply(ctx, o.grants); err != nil {
		return o, err
	}
	return o, w.finish(ctx, &o, seen, start, before, callsBefore, profiled)
}

// finish waits until every binding is Ready and the operator at rest, and adds up.
func (w *world) finish(ctx context.Context, o *outcome, seen *readiness, start time.Time, before usage, callsBefore calls, profiled func()) error {
	last, err := seen.all(ctx, o.grants, w.patience)
	profiled()
	if err != nil {
		return fmt.Errorf("%w: %s", err, w.reasons(ctx))
	}
	if _, err := w.rest(ctx); err != nil {
		return err
	}
	used, err := w.operator.usage()
	o.ready, o.calls, o.used = last.Sub(start), w.org.calls().minus(callsBefore), used.minus(before)
	o.lost, o.othersLost, o.mostWrites = w.org.lost(w.org.grants), w.org.othersLost(), w.org.mostWrites()
	return err
}

// expected is about how long the bindings take, for the length of a profile.
func (w *world) expected() time.Duration {
	return 2*time.Second + time.Duration(len(w.org.tokens))*120*time.Millisecond
}
