package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// tenant is a namespace whose bindings speak of an Organization, through a connection of its own or one for all.
type tenant struct {
	*world

	namespace string
	org       *organization
	shared    bool
	declared  []grant
}

// newTenant makes a namespace with a connection of its own.
func (w *world) newTenant(ctx context.Context, namespace string, org *organization) (*tenant, error) {
	return w.newTenantWith(ctx, namespace, org, org.secret)
}

// newTenantWith makes one whose connection uses another API token than the organization's.
func (w *world) newTenantWith(ctx context.Context, namespace string, org *organization, secret string) (*tenant, error) {
	t := &tenant{world: w, namespace: namespace, org: org}
	if err := w.makeNamespace(ctx, namespace); err != nil {
		return t, err
	}
	return t, w.create(ctx,
		builders.Secret(namespace, builders.SecretName, secret),
		builders.Connection(builders.ConnectionName).In(namespace).To(org.sim.URL(), org.id).Object())
}

// newTenants makes namespaces that share one cluster connection.
func (w *world) newTenants(ctx context.Context, org *organization, namespaces ...string) ([]*tenant, error) {
	var tenants []*tenant
	for _, namespace := range namespaces {
		tenants = append(tenants, &tenant{world: w, namespace: namespace, org: org, shared: true})
		if err := w.makeNamespace(ctx, namespace); err != nil {
			return nil, err
		}
	}
	return tenants, w.create(ctx,
		builders.Secret(operatorNamespace, builders.SecretName, org.secret),
		builders.Connection(builders.ConnectionName).To(org.sim.URL(), org.id).Allow(builders.AllowAll(namespaces...)).Cluster())
}

func (w *world) create(ctx context.Context, objects ...client.Object) error {
	for _, o := range objects {
		if err := w.kube.Create(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// connection is the one of the tenant's bindings, as it is now.
func (t *tenant) connection(ctx context.Context) (v1alpha1.Connection, error) {
	if t.shared {
		var c v1alpha1.ClusterAstroConnection
		return &c, t.kube.Get(ctx, client.ObjectKey{Name: builders.ConnectionName}, &c)
	}
	var c v1alpha1.AstroConnection
	return &c, t.kube.Get(ctx, client.ObjectKey{Namespace: t.namespace, Name: builders.ConnectionName}, &c)
}

// connected waits until the connection is ready and all is at rest.
func (t *tenant) connected(ctx context.Context) error {
	err := poll(ctx, seldom, time.Minute, func() (bool, error) {
		c, err := t.connection(ctx)
		return err == nil && meta.IsStatusConditionTrue(c.ConnectionStatus().Conditions, v1alpha1.ConditionReady), err
	})
	if err != nil {
		return fmt.Errorf("the connection does not become ready: %w", err)
	}
	_, err = t.rest(ctx)
	return err
}

// binding is what a user would write for the grant.
func (t *tenant) binding(g grant) *v1alpha1.ScopedTokenBinding {
	b := builders.Binding(g.name).In(t.namespace).ForToken(g.token.name).OnDeploymentNamed(g.target.workspace, g.target.name).WithRole(g.role)
	if t.shared {
		b.ThroughCluster(builders.ConnectionName)
	}
	return b.Object()
}

// apply makes the bindings of the grants, as many at once as there are workers.
func (t *tenant) apply(ctx context.Context, grants ...grant) (time.Duration, error) {
	t.declared = append(t.declared, grants...)
	start := time.Now()
	err := parallel(ctx, grants, workers, func(ctx context.Context, g grant) error {
		return t.kube.Create(ctx, t.binding(g))
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
