package main

import (
	"context"
	"fmt"
	"time"
)

// newGoal is what a new binding may take while the operator is at rest.
const newGoal = time.Second

// newBindings applies bindings one after another, each when the one before is Ready.
func (m *measurement) newBindings(ctx context.Context) error {
	if m.singles == 0 {
		return nil
	}
	grants := m.org.more(m.singles)
	var took []time.Duration
	it, err := m.spend(ctx, func() (time.Duration, error) {
		seen, err := m.watchReadiness(ctx)
		if err != nil {
			return 0, err
		}
		defer seen.stop()
		start := time.Now()
		took, err = m.applyInTurn(ctx, seen, grants, func() bool { return true })
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

// applyInTurn applies one binding after another, and measures each from the request to the moment at which somebody who
// watches sees it Ready. It goes on for as long as there are grants, and next says so.
func (t *tenant) applyInTurn(ctx context.Context, seen *readiness, grants []grant, next func() bool) (took []time.Duration, err error) {
	for _, g := range grants {
		if !next() {
			break
		}
		start := time.Now()
		if _, err := t.apply(ctx, g); err != nil {
			return took, err
		}
		at, err := seen.one(ctx, g.name, t.patience)
		if err != nil {
			return took, err
		}
		took = append(took, at.Sub(start))
	}
	return took, nil
}

// percentiles prints how long single bindings took. The largest size's have no size in their names.
func (m *measurement) percentiles(name string, took []time.Duration, goal time.Duration) {
	m.printPercentiles(name+"_"+m.size.suffix(), took, 0)
	if m.largest {
		m.printPercentiles(name, took, goal)
	}
}

func (b *bench) printPercentiles(name string, took []time.Duration, goal time.Duration) {
	for _, p := range []struct {
		name string
		part float64
		goal time.Duration
	}{{"p50", 50, 0}, {"p99", 99, goal}, {"max", 100, 0}} {
		b.figures.print(figure{
			name: name + "_" + p.name + "_s", value: percentile(took, p.part).Seconds(), unit: "s", bound: seconds(b.soonest()), goal: seconds(p.goal),
			notes: []string{fmt.Sprintf("of=%d", len(took))},
		})
	}
}
