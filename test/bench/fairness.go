package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

const (
	fairNamespaceGoal  = 5 * time.Second
	fairConnectionGoal = 2 * time.Second
	// neighbours are at most so many bindings that the other tenant applies, at random moments.
	neighbours = 60
)

// crowd is what one tenant applies in one go.
var crowd = size{2000, 200}

// fairness measures what a tenant's new binding takes while another tenant keeps the operator busy.
func (b *bench) fairness(ctx context.Context) error {
	fmt.Fprintln(b.figures.out, "# one tenant among others")
	return errors.Join(
		b.within(ctx, func(w *world) error { return w.fairNamespace(ctx) }),
		b.within(ctx, func(w *world) error { return w.fairConnection(ctx) }),
	)
}

// fairNamespace lets one namespace apply thousands of bindings in one go, and another, which shares a cluster connection
// with it, single ones meanwhile.
func (w *world) fairNamespace(ctx context.Context) error {
	org, err := w.newOrganization(crowd)
	if err != nil {
		return err
	}
	single := org.ofOneToken(neighbours)
	tenants, err := w.newTenants(ctx, org, "flood", "neighbour")
	if err != nil {
		return err
	}
	if err := w.start(ctx); err != nil {
		return err
	}
	busy, other := tenants[0], tenants[1]
	if err := busy.connected(ctx); err != nil {
		return err
	}
	var ready time.Duration
	over, end := context.WithCancel(ctx)
	defer end()
	done := make(chan error, 1)
	go func() {
		defer end()
		var err error
		_, ready, err = busy.applyAndWait(ctx, org.grants)
		done <- err
	}()
	took, err := other.alongside(ctx, over, single)
	if err := errors.Join(err, <-done); err != nil {
		return err
	}
	w.printFair("fair_namespace", took, fairNamespaceGoal, listed("flood_ready", ready))
	w.nothingLost("fair_namespace", tenants...)
	return nil
}

// fairConnection lets Astro throttle the credential of one connection while hundreds of tokens wait for it, and another
// connection, to another Organization, have single new bindings meanwhile.
func (w *world) fairConnection(ctx context.Context) error {
	slow, err := w.newOrganization(crowd)
	if err != nil {
		return err
	}
	quick, err := w.newOrganization(size{neighbours, 1})
	if err != nil {
		return err
	}
	busy, err := w.newTenant(ctx, "throttled", slow)
	if err != nil {
		return err
	}
	other, err := w.newTenant(ctx, "neighbour", quick)
	if err != nil {
		return err
	}
	if err := try(
		func() error { return w.start(ctx) },
		func() error { return busy.connected(ctx) },
		func() error { return other.connected(ctx) },
	); err != nil {
		return err
	}
	slow.throttle()
	if _, err := busy.apply(ctx, slow.grants...); err != nil {
		return err
	}
	over, end := context.WithTimeout(ctx, throttledFor)
	defer end()
	before := slow.calls()
	took, err := other.alongside(ctx, over, quick.grants)
	if err != nil {
		return err
	}
	refused := slow.calls().minus(before).throttled
	w.printFair("fair_connection", took, fairConnectionGoal, fmt.Sprintf("status429=%d", refused), fmt.Sprintf("waiting=%d", slow.lost(slow.grants)))
	w.figures.mustBeZero("lost_fair_connection", quick.lost(other.declared), "roles")
	return nil
}

// throttledFor is how long a throttled connection is watched.
const throttledFor = 20 * time.Second

// throttle lets about half a call a second through.
func (org *organization) throttle() {
	org.sim.SetLimits(astrosim.Limits{Get: 1, Post: 1})
	org.sim.Inject(astrosim.Fault{Kind: astrosim.FaultThrottle, Caller: org.credential.id, Probability: 0.5})
}

// ofOneToken asks for so many roles of a token that is used for nothing else.
func (org *organization) ofOneToken(n int) []grant {
	t := org.addToken()
	var grants []grant
	for range n {
		grants = append(grants, org.grantOn(t))
	}
	return grants
}

// alongside applies the tenant's bindings at random moments until it is over.
func (t *tenant) alongside(ctx, over context.Context, grants []grant) ([]newcomer, error) {
	seen, err := t.watchReadiness(ctx)
	if err != nil {
		return nil, err
	}
	defer seen.stop()
	return t.applyMeanwhile(ctx, over, seen, grants)
}

// printFair prints the longest that a binding took, since the one that waits longest is the one that matters.
func (w *world) printFair(name string, took []newcomer, goal time.Duration, notes ...string) {
	notes = append([]string{"max of=" + number(float64(len(took))), listed("p50", percentile(times(took), 50)), slowest(took, 5)}, notes...)
	w.figures.print(figure{
		name: name + "_s", value: percentile(times(took), 100).Seconds(), unit: "s", bound: seconds(w.soonest()), goal: seconds(goal), notes: notes,
	})
}
