package main

import (
	"context"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// remakeToken deletes a token in Astro and makes it again under its name. Its bindings are made anew in the next round. Of more
// than three bound tokens that a listing lacks the operator does not believe that they are gone.
func (w *world) remakeToken(context.Context) error {
	i := w.random.IntN(len(w.tokens))
	of := w.grantsOf(func(g *grant) bool { return g.token == i })
	if of == nil || w.replaced[w.round]+w.replaced[w.round-1] == 3 {
		return nil
	}
	w.replaced[w.round]++
	old := w.tokens[i]
	w.sim.DeleteToken(old)
	again := w.sim.AddOrganizationToken(w.org, fmt.Sprintf("ci-%d", i), "ORGANIZATION_MEMBER")
	for _, g := range of { // one by name that has found no token yet finds this one
		w.ledger.note(place{again, w.targets[g.target].id}, g.role)
	}
	w.later(func(ctx context.Context) error {
		for _, g := range of {
			w.ledger.note(place{again, w.targets[g.target].id}, "")
			if err := w.retract(ctx, g); err != nil {
				return err
			}
		}
		w.tokens[i] = again
		for _, g := range of {
			if err := w.declare(ctx, g); err != nil {
				return err
			}
		}
		return nil
	}, of...)
	return nil
}

// remakeTarget deletes a Deployment in Astro; another takes its place, and bindings for it that of the old ones.
func (w *world) remakeTarget(ctx context.Context) error {
	i := 1 + 3*w.random.IntN(len(w.targets)/3)
	of := w.grantsOf(func(g *grant) bool { return g.target == i })
	for _, g := range of {
		if err := w.retract(ctx, g); err != nil {
			return err
		}
	}
	if of == nil {
		return nil
	}
	w.sim.DeleteDeployment(w.targets[i].id)
	w.targets[i].name = w.named("d")
	w.targets[i].id = w.sim.AddDeployment(w.targets[i].workspace, w.targets[i].name)
	for _, g := range of {
		if err := w.declare(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// grantsOf are the grants to which it applies; none if something else is being done to one of them.
func (w *world) grantsOf(applies func(*grant) bool) (of []*grant) {
	for _, g := range w.grants {
		if applies(g) {
			if g.busy {
				return nil
			}
			of = append(of, g)
		}
	}
	return of
}

// rotate gives a connection another secret for its credential. The old one ends at once.
func (w *world) rotate(ctx context.Context) error {
	namespace := pick(w, []string{office, teams[0], teams[1]})
	secret := &corev1.Secret{}
	if err := w.kube.Get(ctx, client.ObjectKey{Namespace: namespace, Name: builders.SecretName}, secret); err != nil {
		return err
	}
	secret.StringData = map[string]string{"token": w.sim.RotateToken(w.operators[namespace])}
	return w.kube.Update(ctx, secret)
}

// rules adds a rule to the central connection that allows nobody here anything, in place of the last such.
func (w *world) rules(ctx context.Context) error {
	c := &v1alpha1.ClusterAstroConnection{}
	if err := w.kube.Get(ctx, client.ObjectKey{Name: central}, c); err != nil {
		return err
	}
	before := c.DeepCopy()
	c.Spec.Allow = []v1alpha1.AllowRule{builders.AllowAll(teams[2]), builders.AllowAll(w.named("elsewhere"))}
	return w.kube.Patch(ctx, c, client.MergeFrom(before))
}

// weathers are what may ail Astro for a part of a round.
var weathers = []astrosim.Fault{
	{Kind: astrosim.FaultServerError, Status: http.StatusServiceUnavailable},
	{Kind: astrosim.FaultHTML, Endpoint: "tokens.*"},
	{Kind: astrosim.FaultThrottle, Times: 6, RetryAfter: "1"},
	{Kind: astrosim.FaultDrop, Endpoint: astrosim.TokensRoles, Times: 3},
	{Kind: astrosim.FaultTruncate, Endpoint: "tokens.*", Times: 3},
	{Kind: astrosim.FaultReset, Probability: 0.3},
	{Kind: astrosim.FaultUnauthorized, Times: 5},
	{Kind: astrosim.FaultForbidden, Method: http.MethodPost, Times: 5},
	{Kind: astrosim.FaultOmitRoles, Endpoint: astrosim.TokensList},
}

// change lets the weather change: in one round of three Astro is not well.
func (w *world) change() {
	if w.random.IntN(3) > 0 {
		return
	}
	f := pick(w, weathers)
	w.counts["astro-"+string(f.Kind)]++
	w.sim.Inject(f)
}
