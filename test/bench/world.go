package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

// world is what one measurement happens in: an API server of its own, and an operator that sees all of it.
type world struct {
	*bench

	name     string
	cluster  *environment.Environment
	kube     client.WithWatch
	orgs     []*organization
	hosts    []string  // of others that stand in the place of Astro
	operator *operator // nil while none runs
}

// newWorld starts an API server. It is to be closed, even after an error.
func (b *bench) newWorld(ctx context.Context) (*world, error) {
	b.worlds++
	w := &world{bench: b, name: fmt.Sprintf("world-%d", b.worlds)}
	var err error
	if w.cluster, err = environment.Start(); err != nil {
		return w, err
	}
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	if w.kube, err = client.NewWithWatch(w.cluster.Config, client.Options{Scheme: scheme}); err != nil {
		return w, err
	}
	return w, w.makeNamespace(ctx, operatorNamespace)
}

func (w *world) makeNamespace(ctx context.Context, name string) error {
	return w.kube.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
}

// newOrganization starts a simulated Astro that ends with the world.
func (w *world) newOrganization(s size) (*organization, error) {
	org, err := newOrganization(w.astro(), s)
	if err == nil {
		w.orgs = append(w.orgs, org)
	}
	return org, err
}

// start runs an operator with no memory of any before it.
func (w *world) start(ctx context.Context) (err error) {
	hosts := slices.Clone(w.hosts)
	for _, org := range w.orgs {
		hosts = append(hosts, strings.TrimPrefix(org.sim.URL(), "http://"))
	}
	w.operator, err = startOperator(ctx, launch{
		program: w.manager, profile: w.profile, log: filepath.Join(w.folder, w.name+".log"),
		args: []string{
			"--kubeconfig=" + w.cluster.Kubeconfig, "--allowed-api-hosts=" + strings.Join(hosts, ","), "--operator-namespace=" + operatorNamespace,
		},
	})
	return err
}

// stop ends the operator.
func (w *world) stop() {
	w.operator.stop()
	w.operator = nil
}

// close ends all that the world runs.
func (w *world) close() {
	w.stop()
	for _, org := range w.orgs {
		org.sim.Close()
	}
	if err := w.cluster.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "bench: stop the API server:", err)
	}
}

// calls are those to every Organization of the world.
func (w *world) calls() calls {
	var all calls
	for _, org := range w.orgs {
		all = all.plus(org.calls())
	}
	return all
}

// nothingLost fails the run if Astro lacks a role that was declared, or one that was not.
func (w *world) nothingLost(suffix string, tenants ...*tenant) {
	lost, others := 0, 0
	for _, t := range tenants {
		lost += t.org.lost(t.declared)
	}
	for _, org := range w.orgs {
		others += org.othersLost()
	}
	w.figures.mustBeZero("lost_"+suffix, lost, "roles")
	w.figures.mustBeZero("others_lost_"+suffix, others, "roles")
}

// within runs a measurement in a world of its own.
func (b *bench) within(ctx context.Context, measure func(*world) error) error {
	w, err := b.newWorld(ctx)
	defer w.close()
	if err == nil {
		err = measure(w)
	}
	return err
}
