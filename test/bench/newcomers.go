package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

const (
	// newGoal is what a new binding may take while the operator is at rest.
	newGoal = time.Second
	// between is at most how long after one binding is applied the next is, if that is left to chance. Fewer would be no
	// measure of a percentile, and more would use up what Astro's limit leaves for the others.
	between = 1600 * time.Millisecond
)

// newBindings applies bindings one after another, each when the one before is Ready.
func (m *measurement) newBindings(ctx context.Context) error {
	if m.singles == 0 {
		return nil
	}
	grants := m.org.more(m.singles)
	var took []newcomer
	it, err := m.spend(ctx, func() (time.Duration, error) {
		seen, err := m.watchReadiness(ctx)
		if err != nil {
			return 0, err
		}
		defer seen.stop()
		start := time.Now()
		took, err = m.applyInTurn(ctx, seen, grants)
		return time.Since(start), err
	})
	if err != nil {
		return err
	}
	n := float64(len(grants))
	m.printSpent("new", m.size, it, expectation{
		time: time.Duration(n) * m.soonest(), gets: new(2 * n), posts: new(n), patches: new(2 * n), notes: []string{fmt.Sprintf("of=%d", len(grants))},
	})
	m.percentiles("new_binding", took, newGoal)
	m.nothingLost("new_"+m.size.suffix(), m.tenant)
	return nil
}

// soonest is how long Astro alone takes over a new binding: a lookup of its target, a read and a write of its token.
func (b *bench) soonest() time.Duration { return 3 * b.latency }

// newcomer is a binding that was applied by itself.
type newcomer struct {
	after time.Duration // the first of them could have been applied
	took  time.Duration // from the request that applies it to the moment at which somebody who watches sees it Ready
}

// applyInTurn applies one binding after another, each when the one before is Ready.
func (t *tenant) applyInTurn(ctx context.Context, seen *readiness, grants []grant) (took []newcomer, err error) {
	first := time.Now()
	for _, g := range grants {
		start := time.Now()
		if _, err := t.apply(ctx, g); err != nil {
			return took, err
		}
		at, err := seen.one(ctx, g.name, t.patience)
		if err != nil {
			return took, err
		}
		took = append(took, newcomer{start.Sub(first), at.Sub(start)})
	}
	return took, nil
}

// applyMeanwhile applies one binding after another at random moments, until it is over or there are no more. It does not
// wait for one before it applies the next: whoever waits long would keep others from being counted.
func (t *tenant) applyMeanwhile(ctx, over context.Context, seen *readiness, grants []grant) (took []newcomer, err error) {
	first := time.Now()
	var starts []time.Time
	for _, g := range grants {
		if !pause(over, t.org.random) {
			break
		}
		starts = append(starts, time.Now())
		if _, err := t.apply(ctx, g); err != nil {
			return nil, err
		}
	}
	for i, start := range starts {
		at, err := seen.one(ctx, grants[i].name, t.patience)
		if err != nil {
			return took, err
		}
		took = append(took, newcomer{start.Sub(first), at.Sub(start)})
	}
	return took, nil
}

// pause waits for a random time, and reports whether it is worth going on.
func pause(ctx context.Context, random *rand.Rand) bool {
	select {
	case <-time.After(time.Duration(random.Int64N(int64(between)))):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// percentiles prints how long single bindings took. The largest size's have no size in their names.
func (m *measurement) percentiles(name string, took []newcomer, goal time.Duration) {
	m.printPercentiles(name+"_"+m.size.suffix(), took, 0)
	if m.largest {
		m.printPercentiles(name, took, goal)
	}
}

func (b *bench) printPercentiles(name string, took []newcomer, goal time.Duration) {
	for _, p := range []struct {
		name string
		part float64
		goal time.Duration
	}{{"p50", 50, 0}, {"p99", 99, goal}, {"max", 100, 0}} {
		f := figure{
			name: name + "_" + p.name + "_s", value: percentile(times(took), p.part).Seconds(), unit: "s",
			bound: seconds(b.soonest()), goal: seconds(p.goal), notes: []string{fmt.Sprintf("of=%d", len(took))},
		}
		if p.part == 100 {
			f.notes = append(f.notes, slowest(took, 5))
		}
		b.figures.print(f)
	}
}

func times(took []newcomer) []time.Duration {
	var all []time.Duration
	for _, n := range took {
		all = append(all, n.took)
	}
	return all
}

// slowest is a note with the longest times and when they began.
func slowest(took []newcomer, n int) string {
	sorted := slices.SortedFunc(slices.Values(took), func(a, b newcomer) int { return int(b.took - a.took) })
	var texts []string
	for _, n := range sorted[:min(n, len(sorted))] {
		texts = append(texts, number(n.took.Seconds())+"@"+number(n.after.Seconds()))
	}
	return "slowest=" + strings.Join(texts, ",")
}
