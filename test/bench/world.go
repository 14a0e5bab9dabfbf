package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// world is what one measurement happens in: an Organization, a namespace, and an operator that sees no other.
type world struct {
	*bench

	org       *organization
	namespace string
	operator  *operator
}

// newWorld makes a world for the size, with a connection but no operator yet.
func (b *bench) newWorld(ctx context.Context, s size) (*world, error) {
	org, err := newOrganization(b.astro(), s)
	if err != nil {
		return nil, err
	}
	b.worlds++
	w := &world{bench: b, org: org, namespace: fmt.Sprintf("bench-%d", b.worlds)}
	if err := b.makeNamespace(ctx, w.namespace); err != nil {
		return w, err
	}
	for _, o := range []client.Object{
		builders.Secret(w.namespace, builders.SecretName, org.secret),
		builders.Connection(builders.ConnectionName).In(w.namespace).To(org.sim.URL(), org.id).Object(),
	} {
		if err := b.kube.Create(ctx, o); err != nil {
			return w, err
		}
	}
	return w, nil
}

// close ends what the world runs.
func (w *world) close() {
	if w == nil {
		return
	}
	w.operator.stop()
	w.org.sim.Close()
}

// start runs an operator with no memory of any before it.
func (w *world) start(ctx context.Context) (err error) {
	w.operator, err = startOperator(ctx, launch{
		program: w.manager, profile: w.profile, log: filepath.Join(w.folder, w.namespace+".log"),
		args: []string{
			"--kubeconfig=" + w.cluster.Kubeconfig, "--allowed-api-hosts=" + strings.TrimPrefix(w.org.sim.URL(), "http://"),
			"--operator-namespace=" + operatorNamespace, "--watch-namespaces=" + w.namespace,
		},
	})
	return err
}

// connected waits until the connection is ready and all is at rest.
func (w *world) connected(ctx context.Context) error {
	key := client.ObjectKey{Namespace: w.namespace, Name: builders.ConnectionName}
	err := poll(ctx, seldom, time.Minute, func() (bool, error) {
		var c v1alpha1.AstroConnection
		err := w.kube.Get(ctx, key, &c)
		return meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionReady), err
	})
	if err != nil {
		return fmt.Errorf("the connection does not become ready: %w", err)
	}
	_, err = w.rest(ctx)
	return err
}

// binding is what a user would write for the grant.
func (w *world) binding(g grant) *v1alpha1.ScopedTokenBinding {
	return builders.Binding(g.name).In(w.namespace).ForToken(g.token.name).OnDeploymentNamed(g.target.workspace, g.target.name).WithRole(role).Object()
}

// apply makes the bindings of the grants, as many at once as there are workers.
func (w *world) apply(ctx context.Context, grants []grant) (time.Duration, error) {
	start := time.Now()
	err := parallel(ctx, grants, workers, func(ctx context.Context, g grant) error {
		return w.kube.Create(ctx, w.binding(g))
	})
	return time.Since(start), err
}

// parallel does something for each item with so many workers.
func parallel[T any](ctx context.Context, items []T, workers int, do func(context.Context, T) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	for _, item := range items {
		group.Go(func() error { return do(ctx, item) })
	}
	return group.Wait()
}

// often is how often to ask what costs nothing, and seldom what is work for the one who is asked.
const (
	often  = 10 * time.Millisecond
	seldom = 100 * time.Millisecond
)

// poll asks until the answer is yes.
func poll(ctx context.Context, every, within time.Duration, ask func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		if done, err := ask(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("after %s: %w", within, ctx.Err())
		case <-time.After(every):
		}
	}
}
