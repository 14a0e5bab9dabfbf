package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// How the bindings and the operator come together.
const (
	atOnce = "applied at once"
	cold   = "there before the operator starts"
)

// outcome is what one run of a size came to.
type outcome struct {
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
	if o.applied, err = w.apply(ctx); err != nil {
		return o, err
	}
	return o, w.finish(ctx, &o, seen, start, before, callsBefore, profiled)
}

// finish waits until every binding is Ready and the operator at rest, and adds up.
func (w *world) finish(ctx context.Context, o *outcome, seen *readiness, start time.Time, before usage, callsBefore calls, profiled func()) error {
	last, err := seen.all(ctx, len(w.org.grants), w.patience)
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

// printLoad prints the figures of a size: the median of times, the most of writes, the sum of losses, the last of others.
func (b *bench) printLoad(how string, s size, outcomes []outcome, alone alone) {
	suffix := fmt.Sprintf("_%d", s.bindings)
	if how == cold {
		suffix = "_cold" + suffix
	}
	last := outcomes[len(outcomes)-1]
	var ready, applied []time.Duration
	lost, others, writes := 0, 0, 0
	for _, o := range outcomes {
		ready, applied = append(ready, o.ready), append(applied, o.applied)
		lost, others, writes = lost+o.lost, others+o.othersLost, max(writes, o.mostWrites)
	}
	fmt.Fprintln(b.figures.out, "#", s, how)
	b.figures.mustBeZero("lost"+suffix, lost, "roles")
	b.figures.mustBeZero("others_lost"+suffix, others, "roles")
	b.figures.print("ready"+suffix, percentile(ready, 50).Seconds(), "s", new(bound(b.goal(s, alone).Seconds())),
		listed("runs", ready), listed("applied_in", applied), listed("alone_2_writes", []time.Duration{alone.writes}))
	if s == baselineSize && b.cli > 0 {
		b.figures.print("ready"+suffix+"_and_cli", percentile(ready, 50).Seconds(), "s", new(baseline(b.cli.Seconds())))
	}
	b.figures.print("calls"+suffix, float64(last.calls.total()), "calls", new(bound(float64(fewest(s)))), last.calls.notes()...)
	b.figures.print("writes_per_token_max"+suffix, float64(writes), "writes", new(bound(2)))
	b.printKubernetes(suffix, s, last.used)
}

func (b *bench) printKubernetes(suffix string, s size, used usage) {
	per := float64(s.bindings)
	for _, method := range slices.Sorted(maps.Keys(used.requests)) {
		var than *against
		if method == "PATCH" {
			than = new(bound(2))
		}
		b.figures.print("kubernetes_"+strings.ToLower(method)+"_per_binding"+suffix, float64(used.requests[method])/per, "requests", than)
	}
	b.figures.print("reconciles_per_binding"+suffix, float64(used.worked)/per, "reconciles", nil)
	b.figures.print("manager_memory"+suffix, used.memory, "MiB", nil, fmt.Sprintf("peak=%s", number(used.peak)))
	b.figures.print("manager_processor"+suffix, used.processor, "s", nil, fmt.Sprintf("ms_per_binding=%s", number(used.processor/per*1000)))
}

// fewest is how few calls grant the roles of a size: a read and a write a token, and the targets by a hundred names a call.
func fewest(s size) int { return 2*s.tokens + (s.bindings+99)/100 }

// goal is what design and bounds ask of a size: under three seconds for a small one, and for others at most a quarter more
// than the larger of what Astro's limit and the API server leave no way around.
func (b *bench) goal(s size, alone alone) time.Duration {
	if s.bindings <= small {
		return 3 * time.Second
	}
	return max(throttled(s), alone.writes) * 5 / 4
}
