package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// atOnceGoal is for small sizes; a large one is held against what a cold start of it is.
const atOnceGoal = 3 * time.Second

// applyAtOnce applies all bindings of a size while the operator runs, several times if that is quick.
func (b *bench) applyAtOnce(ctx context.Context) error {
	var faults []error
	for _, s := range b.atOnce {
		if err := b.applySize(ctx, s); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", s, err))
		}
	}
	return errors.Join(faults...)
}

func (b *bench) applySize(ctx context.Context, s size) error {
	fmt.Fprintf(b.figures.out, "# %s applied at once\n", s)
	var last spent
	var ready, applied []time.Duration
	writes, alone := 0, bare{}
	for run := range s.runs(b.repeat) {
		err := b.within(ctx, func(w *world) error {
			t, a, it, err := w.applyRunning(ctx, s)
			if err != nil {
				return err
			}
			last, ready, applied, writes = it, append(ready, it.took), append(applied, a), max(writes, t.org.mostWrites())
			w.nothingLost(fmt.Sprintf("at_once_%s_run_%d", s.suffix(), run+1), t)
			if s.tokens == 1 {
				w.stop()
				alone, err = t.writesAlone(ctx, s)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	last.took = percentile(ready, 50)
	if s.tokens == 1 {
		b.printOneToken(s, last, alone, applied, writes)
	} else {
		b.printAtOnce(s, last, ready, applied, writes)
	}
	return nil
}

// applyRunning starts the operator, lets it come to rest and applies everything.
func (w *world) applyRunning(ctx context.Context, s size) (t *tenant, applied time.Duration, it spent, err error) {
	if t, err = w.running(ctx, s); err != nil {
		return t, 0, it, err
	}
	it, err = w.spend(ctx, func() (ready time.Duration, err error) {
		applied, ready, err = t.applyAndWait(ctx, t.org.grants)
		return ready, err
	})
	return t, applied, it, err
}

// applyAndWait says how long the applying took, and how long it took until the last binding was Ready.
func (t *tenant) applyAndWait(ctx context.Context, grants []grant) (applied, ready time.Duration, err error) {
	seen, err := t.watchReadiness(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer seen.stop()
	profiled := t.profileFor("at-once", t.expected(size{len(grants), len(t.org.tokens)}))
	defer profiled()
	start := time.Now()
	if applied, err = t.apply(ctx, grants...); err != nil {
		return applied, 0, err
	}
	last, err := seen.all(ctx, grants, t.patience)
	if err != nil {
		err = fmt.Errorf("%w: %s", err, t.reasons(ctx))
	}
	return applied, last.Sub(start), err
}

// oneTokenGoal is how many seconds of the processor thousands of bindings of one token may take.
const oneTokenGoal = 2.0

func (b *bench) printOneToken(s size, it spent, alone bare, applied []time.Duration, writes int) {
	b.printSpent("one_token", s, it, expectation{patches: new(float64(2 * s.bindings)), notes: []string{listed("applied_in", applied...)}})
	b.figures.print(figure{
		name: "one_token_" + s.suffix() + "_processor_s", value: it.used.processor, unit: "s", bound: &alone.processor, goal: new(oneTokenGoal),
		notes: []string{fmt.Sprintf("writes=%d", writes)},
	})
}

func (b *bench) printAtOnce(s size, it spent, ready, applied []time.Duration, writes int) {
	goal := atOnceGoal
	if s.bindings > small {
		goal = time.Duration(coldGoal * float64(throttled(s)))
	}
	b.printSpent("at_once", s, it, expectation{
		time: throttled(s), timeGoal: goal, gets: new(float64(s.tokens) + lookups(s.bindings)), posts: new(float64(s.tokens)), patches: new(float64(2 * s.bindings)),
		notes: []string{listed("runs", ready...), listed("applied_in", applied...)},
	})
	if s == baselineSize && b.cli > 0 {
		b.figures.print(figure{name: "at_once_" + s.suffix() + "_and_cli_s", value: it.took.Seconds(), unit: "s", baseline: seconds(b.cli)})
	}
	b.figures.print(figure{name: "at_once_" + s.suffix() + "_writes_per_token_max", value: float64(writes), unit: "writes", bound: new(1.0), goal: new(2.0)})
}
