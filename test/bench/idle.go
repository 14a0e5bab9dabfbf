package main

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

const (
	quickSweep = 5 * time.Second // the shortest there is
	usualSweep = 5 * time.Minute
	// drifted is how many tokens lose a role behind the operator's back.
	drifted = 10
	// rssGoal is for the manager's memory at rest in MiB, whatever the size.
	rssGoal = 150
)

// sweepEvery sets how often the connection sweeps, and waits until that is so.
func (t *tenant) sweepEvery(ctx context.Context, interval time.Duration) error {
	c, err := t.connection(ctx)
	if err != nil {
		return err
	}
	before, ok := c.DeepCopyObject().(client.Object)
	if !ok {
		return fmt.Errorf("%T is no object", c)
	}
	c.ConnectionSpec().SweepInterval.Duration = interval
	if err := t.kube.Patch(ctx, c, client.MergeFrom(before)); err != nil {
		return err
	}
	_, err = t.rest(ctx)
	return err
}

// sweep waits until so many listings have begun.
func (t *tenant) sweep(ctx context.Context, n int) error {
	until := t.org.calls().pages + n*t.org.pages()
	return poll(ctx, seldom, time.Duration(n+2)*2*quickSweep, func() (bool, error) { return t.org.calls().pages >= until, nil })
}

// idle measures what a few sweeps cost with everything in sync.
func (m *measurement) idle(ctx context.Context) error {
	if err := m.sweepEvery(ctx, quickSweep); err != nil {
		return err
	}
	it, err := m.spend(ctx, func() (time.Duration, error) {
		defer m.profileFor("idle", 2*quickSweep)()
		start := time.Now()
		err := m.sweep(ctx, m.sweeps)
		return time.Since(start), err
	})
	if err != nil {
		return err
	}
	// At the tokens, and at what is bound, with what was bound beside the cold start.
	looks := float64(m.sweeps) * (float64(m.org.pages()) + lookups(m.size.bindings+m.late))
	m.printSpent("idle", m.size, it, expectation{
		gets: &looks, getsGoal: &looks, posts: new(0.0), patches: new(0.0), notes: []string{fmt.Sprintf("sweeps=%d", m.sweeps)},
	})
	m.figures.print(figure{
		name: "idle_writes_" + m.size.suffix(), value: float64(it.calls.posts + it.calls.others + it.used.writes()), unit: "writes", goal: new(0.0),
		notes: []string{"to=Astro,Kubernetes"},
	})
	m.figures.print(figure{
		name: "idle_" + m.size.suffix() + "_cpu_per_sweep_ms", value: it.used.processor / float64(m.sweeps) * 1000, unit: "ms",
	})
	m.figures.print(figure{
		name: "rss_" + m.size.suffix() + "_mib", value: it.used.memory, unit: "MiB", goal: new(float64(rssGoal)), notes: []string{"heap_mib=" + number(it.used.heap)},
	})
	return nil
}

// drift takes one declared role from each of some tokens, and measures until all are back.
func (m *measurement) drift(ctx context.Context) error {
	gone := m.org.oneOfEach(min(drifted, m.size.tokens))
	it, err := m.spend(ctx, func() (time.Duration, error) {
		start := time.Now()
		for _, g := range gone {
			m.org.sim.RevokeRole(g.token.id, astrosim.TypeDeployment, g.target.id)
		}
		if err := poll(ctx, often, time.Minute, func() (bool, error) { return m.org.lost(gone) == 0, nil }); err != nil {
			return 0, fmt.Errorf("%d of %d roles are not back: %w", m.org.lost(gone), len(gone), err)
		}
		return time.Since(start), nil
	})
	if err != nil {
		return err
	}
	n := len(gone)
	m.printSpent("drift", m.size, it, expectation{
		time: quickSweep*11/10 + throttled(size{n, n}), posts: new(float64(n)), postsGoal: new(float64(n)), patches: new(float64(n)),
		notes: []string{"sweep_interval=5s"},
	})
	m.figures.print(figure{name: "drift_" + m.size.suffix() + "_reads", value: float64(it.calls.reads), unit: "calls", bound: new(float64(n)), goal: new(float64(n))})
	m.nothingLost("drift_"+m.size.suffix(), m.tenant)
	return m.sweepEvery(ctx, usualSweep)
}

// restart ends the operator and starts another, which has to find out that there is nothing to do.
func (m *measurement) restart(ctx context.Context) error {
	// The connection counts its bindings when it is looked at next, which is no matter of the restart.
	if err := m.sweepEvery(ctx, 2*usualSweep); err != nil {
		return err
	}
	m.stop()
	it, err := m.spend(ctx, func() (time.Duration, error) {
		listed := m.org.calls().pages + m.org.pages()
		if err := m.start(ctx); err != nil {
			return 0, err
		}
		defer m.profileFor("restart", quickSweep)()
		if err := poll(ctx, seldom, time.Minute, func() (bool, error) { return m.org.calls().pages >= listed, nil }); err != nil {
			return 0, err
		}
		last, err := m.rest(ctx)
		return last.Sub(m.operator.started), err
	})
	if err != nil {
		return err
	}
	m.printSpent("restart", m.size, it, expectation{
		gets: new(float64(m.org.pages())), posts: new(0.0), postsGoal: new(0.0), patches: new(0.0),
		notes: []string{fmt.Sprintf("reconciles=%d", it.used.worked)},
	})
	m.figures.print(figure{name: "restart_writes_" + m.size.suffix(), value: float64(it.calls.posts + it.used.writes()), unit: "writes", goal: new(0.0)})
	m.nothingLost("restart_"+m.size.suffix(), m.tenant)
	return nil
}
