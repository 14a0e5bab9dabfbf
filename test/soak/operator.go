package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/index"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/inventory"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/runbook"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/token"
	"github.com/scopedtoken/scopedtoken-operator/internal/journal"
)

var scheme = runtime.NewScheme()

func init() { //nolint:gochecknoinits // schemes are filled this way in every controller
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
}

// start runs the operator, with the world's time.
func (w *world) start() error {
	ctx, cancel := context.WithCancel(context.Background())
	mgr, err := ctrl.NewManager(w.cluster.Config, ctrl.Options{
		Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"}, GracefulShutdownTimeout: new(5 * time.Second),
		Cache: cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
	})
	if err == nil {
		err = w.wire(ctx, mgr)
	}
	if err != nil {
		cancel()
		return fmt.Errorf("start the operator: %w", err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- mgr.Start(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-stopped; err != nil {
			w.printf("# stop the operator: %v", err)
		}
	}
	return nil
}

// wire adds every controller to the manager.
func (w *world) wire(ctx context.Context, mgr ctrl.Manager) error {
	if err := index.Register(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	registry, recorder := connection.NewRegistry(), runbook.Recorder(mgr.GetEventRecorder("scopedtoken-operator"), "")
	if err := connection.SetupWithManager(mgr, connection.Options{
		Registry: registry, Budgets: astro.NewBudgets(astro.BudgetOptions{}), Recorder: recorder, Clock: w.now, Recency: astro.NewRecency(w.now),
		AllowedHosts: []string{w.host()}, OperatorNamespace: office, UserAgent: "soak",
	}); err != nil {
		return err
	}
	open := func(ctx context.Context) (*journal.Journal, error) {
		return journal.Open(ctx, mgr.GetAPIReader(), mgr.GetClient(), journal.Options{Namespace: office, Instance: "soak", Writer: "soak"})
	}
	tokens, err := token.SetupWithManager(mgr, token.Options{Registry: registry, Journal: open, Recorder: recorder, Clock: w.now})
	if err != nil {
		return err
	}
	return inventory.SetupWithManager(mgr, inventory.Options{Registry: registry, Recorder: recorder, Remover: tokens})
}
