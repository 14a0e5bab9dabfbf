package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/audit"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/index"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/inventory"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/runbook"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/token"
	"github.com/scopedtoken/scopedtoken-operator/internal/journal"
)

func main() {
	o, err := parse(os.Args[1:], os.Stderr)
	if err == nil {
		err = judgeEnvironment(os.Getenv)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err == nil && o.version:
		fmt.Println("manager", version())
		return
	case err == nil && o.ready != "":
		if err = checkReady(ctrl.SetupSignalHandler(), o.ready, readyPatience); err == nil {
			fmt.Println("ready:", o.ready)
			return
		}
	case err == nil:
		logger := o.logger()
		ctrl.SetLogger(logger)
		klog.SetLogger(logger) // client-go's own lines, those of leader election among them
		saveMemory(os.LookupEnv, debug.SetGCPercent)
		err = run(ctrl.SetupSignalHandler(), o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "manager:", err)
		os.Exit(1)
	}
}

// run is the operator until the context ends or the lease is lost.
func run(ctx context.Context, o options) error {
	kubernetes, err := config.GetConfig()
	if err != nil {
		return fmt.Errorf("find the Kubernetes API server: %w", err)
	}
	return throughProxy(kubernetes, http.ProxyFromEnvironment, runAt(ctx, kubernetes, o))
}

// runAt runs it on the API server of the configuration.
func runAt(ctx context.Context, kubernetes *rest.Config, o options) error {
	reader, err := client.New(access(kubernetes), client.Options{Scheme: scheme})
	if err != nil {
		return fmt.Errorf("make a client of the Kubernetes API server: %w", err)
	}
	if err := o.withoutMissing(ctx, reader); err != nil {
		return err
	}
	options := o.manager()
	lease, err := o.fence(access(kubernetes))
	if err != nil {
		return err
	}
	if lease != nil {
		options.LeaderElectionResourceLockInterface = lease
	}
	mgr, err := ctrl.NewManager(access(kubernetes), options)
	if err != nil {
		return fmt.Errorf("make the manager: %w", err)
	}
	seen := &sight{}
	if err := errors.Join(
		mgr.AddHealthzCheck("ping", healthz.Ping), mgr.AddReadyzCheck("caches", seen.filled(mgr.GetCache())), mgr.AddReadyzCheck("lease", lease.ready),
	); err != nil {
		return fmt.Errorf("add the probes: %w", err)
	}
	if err := setup(ctx, mgr, o, lease); err != nil {
		return err
	}
	ctrl.Log.Info("starting", "version", version(), "hosts", o.allowedHosts, "operatorNamespace", o.operatorNamespace,
		"watchNamespaces", o.watchNamespaces, "secretNamespaces", o.secretNamespaces, "connectionSelector", o.selector)
	if err := mgr.Add(missing{kube: reader, names: o.missing, every: time.Minute}); err != nil {
		return fmt.Errorf("add the look for namespaces: %w", err)
	}
	go seen.look(ctx, mgr.GetCache(), reader, o.watchNamespaces)
	return mgr.Start(ctx)
}

// setup adds the controllers. Those of connections come first, since the others live on what they publish.
func setup(ctx context.Context, mgr ctrl.Manager, o options, lease *fence) error {
	if err := index.Register(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	registry, recorder := connection.NewRegistry(), runbook.Recorder(mgr.GetEventRecorder(name), o.runbook)
	if err := connection.SetupWithManager(mgr, connection.Options{
		Registry: registry, Budgets: astro.NewBudgets(astro.BudgetOptions{}), AllowedHosts: o.allowedHosts,
		OperatorNamespace: o.operatorNamespace, SecretNamespaces: o.watchedSecrets(), LabelledSecrets: o.labelledSecrets,
		Recorder: recorder, UserAgent: userAgent(), Selector: o.connections,
		Fence: lease.check, Recency: astro.NewRecency(time.Now), MaxListing: o.maxListing << 20, Memory: astro.NewMemory(o.maxListing << 20),
	}); err != nil {
		return err
	}
	open := func(ctx context.Context) (*journal.Journal, error) {
		return journal.Open(ctx, mgr.GetAPIReader(), mgr.GetClient(), journal.Options{
			Namespace: o.operatorNamespace, Instance: o.lease, Writer: writer(), Fence: lease.check,
		})
	}
	trail, err := audit.Open(o.auditLog)
	if err != nil {
		return fmt.Errorf("open the audit log: %w", err)
	}
	tokens, err := token.SetupWithManager(mgr, token.Options{
		Registry: registry, Journal: open, Concurrency: o.concurrency, Recorder: recorder, Audit: trail,
		Namespaces: o.watchNamespaces,
	})
	if err != nil {
		return err
	}
	err = inventory.SetupWithManager(mgr, inventory.Options{
		Registry: registry, Recorder: recorder, Remover: tokens, Partial: len(o.watchNamespaces) > 0,
	})
	if err != nil {
		return fmt.Errorf("set up the controller of inventories: %w", err)
	}
	return nil
}

// writer names this process in what it writes down, so that a second one is noticed.
func writer() string {
	host, _ := os.Hostname() // without a name of its own, the process has the id only
	return host + "_" + string(uuid.NewUUID())
}
