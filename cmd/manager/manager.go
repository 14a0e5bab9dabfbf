package main

import (
	"crypto/tls"
	"net/http"
	"net/http/pprof" // what it registers by itself is served nowhere
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/index"
)

// name is the operator's, in events and to those it talks to.
const name = "scopedtoken-operator"

// A lease that cannot be renewed is given up after renewDeadline and may be taken by another after leaseDuration. A
// write to Astro that was under way (4 s at most) has ended in between, so that two replicas never write at once.
const (
	leaseName     = "manager.astro.scopedtoken.dev"
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
)

// shutdown is how long controllers have to finish what they are at. It is shorter than the grace of the Pod.
const shutdown = 20 * time.Second

var scheme = runtime.NewScheme()

func init() { //nolint:gochecknoinits // schemes are filled this way in every controller
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
}

// access is how the API server is talked to. The client sets itself no rate: the usual 20 requests a second would make
// the two writes of 10,000 bindings a matter of a quarter of an hour, workers would wait for each other, and the API
// server's priority and fairness is there to slow down whom it must.
func access(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.QPS = -1
	config.UserAgent = userAgent()
	return config
}

// manager is the manager that the options ask for.
func (o *options) manager() ctrl.Options {
	return ctrl.Options{
		Scheme:                        scheme,
		Cache:                         o.cache(),
		Client:                        client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}},
		Metrics:                       o.metrics(),
		HealthProbeBindAddress:        o.probeAddress,
		GracefulShutdownTimeout:       new(shutdown),
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              o.lease,
		LeaderElectionNamespace:       o.operatorNamespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 new(leaseDuration),
		RenewDeadline:                 new(renewDeadline),
		RetryPeriod:                   new(retryPeriod),
	}
}

// cache is what is kept in memory: of Namespaces their names and labels, of the other kinds what package index says. Secrets
// have a cache of their own; see package connection.
func (o *options) cache() cache.Options {
	c := cache.Options{
		DefaultTransform: index.Stripped(o.connections),
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Namespace{}:            {Transform: stripToLabels},
			&v1alpha1.ScopedTokenBinding{}: {Transform: shareWords},
		},
	}
	if len(o.watchNamespaces) > 0 {
		c.DefaultNamespaces = each(o.watchNamespaces)
	}
	return c
}

// watchedSecrets are the namespaces whose Secrets are watched. Those of ClusterAstroConnections are in the operator's
// namespace, wherever bindings are.
func (o *options) watchedSecrets() []string {
	all := slices.Concat([]string{o.operatorNamespace}, o.secretNamespaces, o.watchNamespaces)
	slices.Sort(all)
	return slices.Compact(all)
}

func each(namespaces []string) map[string]cache.Config {
	configs := map[string]cache.Config{}
	for _, n := range namespaces {
		configs[n] = cache.Config{}
	}
	return configs
}

// stripToLabels drops the metadata that nobody asks for.
func stripToLabels(object any) (any, error) {
	if m, err := meta.Accessor(object); err == nil {
		m.SetManagedFields(nil)
		m.SetAnnotations(nil)
		m.SetOwnerReferences(nil)
	}
	return object, nil
}

// metrics, and profiles where they are asked for, are served to whom the API server allows it. HTTP/2 is off, since nobody scrapes over it and a flood of
// streams could keep the operator from its work.
func (o *options) metrics() metricsserver.Options {
	m := metricsserver.Options{BindAddress: o.metricsAddress, SecureServing: o.metricsSecure, CertDir: o.metricsDir}
	if o.metricsSecure {
		m.FilterProvider = filters.WithAuthenticationAndAuthorization
		m.TLSOpts = []func(*tls.Config){func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }}
	}
	if o.profiles {
		m.ExtraHandlers = map[string]http.Handler{
			"/debug/pprof/": http.HandlerFunc(pprof.Index), "/debug/pprof/cmdline": http.HandlerFunc(pprof.Cmdline),
			"/debug/pprof/profile": http.HandlerFunc(pprof.Profile), "/debug/pprof/symbol": http.HandlerFunc(pprof.Symbol),
			"/debug/pprof/trace": http.HandlerFunc(pprof.Trace),
		}
	}
	return m
}
