package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

const (
	// floodBindingGoal is what a tenant's new binding may take while another floods the operator, and floodDriftGoal what the repair
	// of a changed role may: a sweep, and the work on it.
	floodBindingGoal = time.Second
	floodDriftGoal   = quickSweep*11/10 + time.Second
	// after is how long a flood is watched once it has been made.
	after = 30 * time.Second
	// touched are the bindings of which a flood of requests asks, so many a second in all.
	touched, touchesPerSecond = 500, 51
	// randomIDs is how many bindings of a flood have ids that nothing has.
	randomIDs = 1000
	// fromHere is where the ids begin that nothing has.
	fromHere = 1_000_000
)

// floods measures what a tenant that means harm costs others.
func (b *bench) floods(ctx context.Context) error {
	fmt.Fprintln(b.figures.out, "# one tenant against the others")
	refused := attack{name: "refused", begin: func(t *tenant, ctx context.Context) error { return t.flood(ctx, b.flood) }}
	random := attack{name: "random_ids", allowed: true, begin: func(t *tenant, ctx context.Context) error { return t.flood(ctx, randomIDs) }}
	requests := attack{name: "requests", allowed: true, prepare: (*tenant).declareMany, begin: (*tenant).touchAll}
	var faults []error
	for _, s := range []attack{refused, random, requests} {
		if err := b.within(ctx, func(w *world) error { return w.underAttack(ctx, s) }); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	return errors.Join(faults...)
}

// attack is one way of flooding the operator.
type attack struct {
	name    string
	allowed bool // a rule speaks to the namespace
	prepare func(*tenant, context.Context) error
	begin   func(*tenant, context.Context) error
}

// underAttack lets one tenant flood the operator, and has another apply bindings and lose roles meanwhile.
func (w *world) underAttack(ctx context.Context, s attack) error {
	org, err := w.newOrganization(size{touched + 100, 100})
	if err != nil {
		return err
	}
	rules := []v1alpha1.AllowRule{builders.AllowAll("neighbour")}
	if s.allowed {
		rules = append(rules, builders.AllowAll("attacker"))
	}
	neighbour, attacker := &tenant{world: w, namespace: "neighbour", org: org, shared: true}, &tenant{world: w, namespace: "attacker", org: org, shared: true}
	single := org.ofOneToken(neighbours)
	stable := org.grants[touched:]
	if err := try(
		func() error { return w.makeNamespace(ctx, neighbour.namespace) },
		func() error { return w.makeNamespace(ctx, attacker.namespace) },
		func() error {
			return w.create(ctx, builders.Secret(operatorNamespace, builders.SecretName, org.secret),
				builders.Connection(builders.ConnectionName).To(org.sim.URL(), org.id).SweepEvery(quickSweep).Allow(rules...).Cluster())
		},
		func() error { return w.start(ctx) },
		func() error { return neighbour.connected(ctx) },
		func() error { _, _, err := neighbour.applyAndWait(ctx, stable); return err },
		func() error { return s.ready(ctx, attacker) },
	); err != nil {
		return err
	}
	before := w.calls()
	began := time.Now()
	over, end := context.WithCancel(ctx)
	defer end()
	flooded := make(chan error, 1)
	go func() {
		defer end()
		err := s.begin(attacker, ctx)
		flooded <- err
		sleep(ctx, after)
	}()
	drifts := make(chan drifting, 1)
	go func() { drifts <- neighbour.driftMeanwhile(ctx, over, stable) }()
	took, err := neighbour.alongside(ctx, over, single)
	drift := <-drifts
	if err := errors.Join(err, drift.err, <-flooded); err != nil {
		return err
	}
	gets := float64(w.calls().minus(before).gets) / time.Since(began).Seconds()
	notes := []string{"gets_per_second=" + number(gets)}
	w.printFair("flood_"+s.name+"_binding", took, floodBindingGoal, notes...)
	w.printFair("flood_"+s.name+"_drift", drift.took, floodDriftGoal, notes...)
	w.nothingLost("flood_"+s.name, neighbour)
	return nil
}

func (s attack) ready(ctx context.Context, attacker *tenant) error {
	if s.prepare == nil {
		return nil
	}
	return s.prepare(attacker, ctx)
}

// flood applies bindings of tokens and Deployments that nobody has, each of its own.
func (t *tenant) flood(ctx context.Context, n int) error {
	return parallel(ctx, make([]struct{}, n), workers/2, func() func(context.Context, struct{}) error {
		next := make(chan int, n)
		for i := range n {
			next <- i
		}
		return func(ctx context.Context, _ struct{}) error { return t.kube.Create(ctx, t.nobodys(<-next).Object()) }
	}())
}

// nobodys is a binding of a token and a Deployment that are not there.
func (t *tenant) nobodys(i int) *builders.BindingBuilder {
	return builders.Binding(fmt.Sprintf("flood-%05d", i)).In(t.namespace).ThroughCluster(builders.ConnectionName).
		ForTokenID(fmt.Sprintf("cltfld%019d", fromHere+i)).OnDeployment(fmt.Sprintf("clpdep%019d", fromHere+i)).WithRole(role)
}

// declareMany makes the bindings that touchAll touches.
func (t *tenant) declareMany(ctx context.Context) error {
	_, _, err := t.applyAndWait(ctx, t.org.grants[:touched])
	return err
}

// touchAll asks for a look at one binding after another, for as long as a flood is watched.
func (t *tenant) touchAll(ctx context.Context) error {
	tick := time.NewTicker(time.Second / touchesPerSecond)
	defer tick.Stop()
	for i, end := 0, time.Now().Add(after); time.Now().Before(end); i++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		b := t.binding(t.org.grants[i%touched])
		patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationRequestedAt, time.Now())
		go func() { _ = t.kube.Patch(ctx, b, client.RawPatch("application/merge-patch+json", []byte(patch))) }() // one that fails is one less
	}
	return nil
}

// drifting is how long roles took to come back.
type drifting struct {
	took []newcomer
	err  error
}

// driftMeanwhile takes one role after another away behind the operator's back until it is over.
func (t *tenant) driftMeanwhile(ctx, over context.Context, grants []grant) (d drifting) {
	first := time.Now()
	for _, g := range grants {
		start := time.Now()
		t.org.sim.RevokeRole(g.token.id, astrosim.TypeDeployment, g.target.id)
		if d.err = poll(ctx, often, t.patience, func() (bool, error) { return t.org.lost([]grant{g}) == 0, nil }); d.err != nil {
			return d
		}
		d.took = append(d.took, newcomer{start.Sub(first), time.Since(start)})
		if over.Err() != nil {
			return d
		}
	}
	return d
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
