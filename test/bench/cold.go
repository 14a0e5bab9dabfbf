package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

const (
	// latecomers are at most so many bindings that are applied by themselves during a cold start.
	latecomers = 500
	// coldGoal is how many times its bound the cold start of a large size may take: in a small one, the operator's own start
	// counts for more. lateGoal is what a binding may take that is new meanwhile.
	coldGoal = 1.25
	large    = 10000
	lateGoal = 5 * time.Second
)

// coldStart starts the operator when all bindings are there already, and measures until the last of them is Ready. New
// bindings are applied meanwhile, at random moments, of tokens that wait for their turn as well.
func (m *measurement) coldStart(ctx context.Context) error {
	late := m.org.more(latecomers)
	applied, err := m.apply(ctx, m.org.grants...)
	if err != nil {
		return err
	}
	alone, err := m.writesAlone(ctx, m.size)
	if err != nil {
		return fmt.Errorf("writes to Kubernetes alone: %w", err)
	}
	if err := m.knownKinds(ctx); err != nil {
		return err
	}
	time.Sleep(calm) // what is made in the second in which the operator starts is new to it
	var took []newcomer
	var all programs
	it, err := m.spend(ctx, func() (ready time.Duration, err error) {
		before := programsNow()
		ready, took, err = m.startCold(ctx, late)
		m.late = len(took)
		all = programsNow().minus(before)
		return ready, err
	})
	if err != nil {
		return err
	}
	m.printCold(it, late, took, applied, alone.took)
	m.printPrograms("cold_"+m.size.suffix(), all, it.took)
	return nil
}

// knownKinds has the API server set up its caches of the kinds that the bench does not use itself, as it has where they are in use:
// it makes whoever watches such a kind first wait for a second.
func (m *measurement) knownKinds(ctx context.Context) error {
	for _, list := range []client.ObjectList{&v1alpha1.ClusterAstroConnectionList{}, &v1alpha1.TargetInventoryList{}} {
		if err := m.kube.List(ctx, list, client.Limit(1)); err != nil {
			return fmt.Errorf("list %T: %w", list, err)
		}
	}
	return nil
}

// startCold starts the operator, and says how long all bindings took, and each of those that were applied meanwhile.
func (m *measurement) startCold(ctx context.Context, late []grant) (ready time.Duration, took []newcomer, err error) {
	seen, err := m.watchReadiness(ctx)
	if err != nil {
		return 0, nil, err
	}
	defer seen.stop()
	start := time.Now()
	if err := m.start(ctx); err != nil {
		return 0, nil, err
	}
	profiled := m.profileFor("cold", m.expected(m.size))
	defer profiled()
	over, end := context.WithCancel(ctx)
	defer end()
	newcomers := make(chan error, 1)
	go func() {
		var err error
		took, err = m.applyMeanwhile(ctx, over, seen, late)
		newcomers <- err
	}()
	last, err := seen.all(ctx, m.org.grants, m.patience)
	if err != nil {
		err = fmt.Errorf("%w: %s", err, m.reasons(ctx))
	}
	end()
	return last.Sub(start), took, errors.Join(err, <-newcomers)
}

// expected is about how long the bindings take, for the length of a profile.
func (w *world) expected(s size) time.Duration {
	return 2*time.Second + max(throttled(s), time.Duration(s.bindings)*8*time.Millisecond)
}

func (m *measurement) printCold(it spent, late []grant, took []newcomer, applied, alone time.Duration) {
	// A newcomer whose token had been written needs a write of its own.
	needed := m.size.tokens + m.org.rewritesFor(late[:len(took)])
	limit := throttled(size{needed, needed})
	bound := max(limit, alone)
	var ratioGoal *float64
	if m.size.bindings >= large {
		ratioGoal = new(coldGoal)
	}
	calls := float64(needed)
	m.printSpent("cold", m.size, it, expectation{
		time: bound, gets: new(calls + lookups(m.size.bindings) + float64(m.org.pages())), posts: new(calls), patches: new(float64(2 * m.size.bindings)),
		notes: []string{listed("astro_writes_at_limit", limit), listed("alone_2_writes", alone), listed("applied_in", applied)},
	})
	m.figures.print(figure{
		name: "cold_" + m.size.suffix() + "_ratio_to_bound", value: it.took.Seconds() / bound.Seconds(), unit: "times", goal: ratioGoal,
	})
	m.figures.print(figure{
		name: "cold_" + m.size.suffix() + "_writes_per_token_max", value: float64(m.org.mostWrites()), unit: "writes", bound: new(1.0),
	})
	m.nothingLost("cold_"+m.size.suffix(), m.tenant)
	m.percentiles("new_binding_during_cold", took, lateGoal)
}

// lookups is how few calls find so many targets by their names: a hundred a call.
func lookups(bindings int) float64 { return float64((bindings + 99) / 100) }
