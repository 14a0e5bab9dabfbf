package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

// workers is how many requests the bench itself has under way at the API server.
const workers = 16

// operatorNamespace is where an operator looks for what belongs to it.
const operatorNamespace = "bench-operator"

// bench is one run: an API server that serves all of it.
type bench struct {
	options

	figures *figures
	cluster *environment.Environment
	kube    client.WithWatch
	folder  string // of logs and profiles
	worlds  int
	cli     time.Duration // that the Astro CLI takes for baselineSize in sequence; zero if not measured
}

func newBench(o options) (*bench, error) {
	if _, err := os.Stat(o.manager); err != nil {
		return nil, fmt.Errorf("the operator is not built (run `make build`): %w", err)
	}
	cluster, err := environment.Start()
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, figures: &figures{out: os.Stdout}, cluster: cluster, folder: filepath.Join(cluster.Root, "bin", "bench")}
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	b.kube, err = client.NewWithWatch(cluster.Config, client.Options{Scheme: scheme})
	if err == nil {
		err = b.makeNamespace(context.Background(), operatorNamespace)
	}
	if err = errors.Join(err, os.MkdirAll(b.folder, 0o755)); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) close() {
	if err := b.cluster.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "bench: stop the API server:", err)
	}
}

func (b *bench) makeNamespace(ctx context.Context, name string) error {
	return b.kube.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
}

// astro is how the simulated Astro is to be.
func (b *bench) astro() astrosim.Options {
	return astrosim.Options{Latency: b.latency, Limits: astrosim.PublishedLimits(), Seed: b.seed}
}
