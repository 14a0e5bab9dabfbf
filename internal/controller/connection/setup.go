package connection

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// workers is how many connections of a kind are looked at side by side. Each waits for Astro most of the time.
const workers = 8

// Options are what the controllers of connections need.
type Options struct {
	// Registry in which they publish what they find.
	Registry *Registry
	// Budgets are the rate limits, shared by all connections.
	Budgets *astro.Budgets
	// AllowedHosts are the hosts, with their port if the URL has one, to which a credential may be sent.
	AllowedHosts []string
	// OperatorNamespace is where the Secrets of ClusterAstroConnections are.
	OperatorNamespace string
	// SecretNamespaces are where Secrets are watched, so that a new credential is noticed at once; everywhere if there is
	// none. Elsewhere it is noticed at the next sweep of its connection.
	SecretNamespaces []string
	// Recorder takes events.
	Recorder events.EventRecorder
	// UserAgent names the operator to Astro.
	UserAgent string
	// Fence says why nothing may be written to Astro at the moment; nil if there is never a reason.
	Fence func() error

	// Selector matches the labels of the connections that this instance serves; nil if it serves all.
	Selector labels.Selector
	// Clock is the time; time.Now if nil.
	Clock func() time.Time
}

// SetupWithManager adds the controllers of both kinds of connection. The fields of package index have to be registered.
func SetupWithManager(mgr ctrl.Manager, o Options) error {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	o.Registry.configure(o.Selector, o.Clock)
	secrets, err := watchSecrets(mgr, o.SecretNamespaces)
	if err != nil {
		return err
	}
	for _, r := range []*reconciler{
		{
			empty:     func() v1alpha1.Connection { return &v1alpha1.AstroConnection{} },
			emptyList: func() client.ObjectList { return &v1alpha1.AstroConnectionList{} },
		},
		{
			empty:     func() v1alpha1.Connection { return &v1alpha1.ClusterAstroConnection{} },
			emptyList: func() client.ObjectList { return &v1alpha1.ClusterAstroConnectionList{} },
		},
	} {
		r.Options, r.Client, r.Secrets, r.kind = o, mgr.GetClient(), mgr.GetAPIReader(), r.empty().ConnectionKind()
		if err := r.setup(mgr, secrets); err != nil {
			return fmt.Errorf("set up the controller of %ss: %w", r.kind, err)
		}
	}
	return nil
}

func (r *reconciler) setup(mgr manager.Manager, secrets cache.Informer) error {
	edited := predicate.Or[client.Object](
		predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, predicate.LabelChangedPredicate{},
	)
	return ctrl.NewControllerManagedBy(mgr).
		Named(strings.ToLower(string(r.kind))).
		For(r.empty(), builder.WithPredicates(edited)).
		WatchesMetadata(&corev1.Namespace{}, handler.Funcs{UpdateFunc: r.namespaceChanged}).
		Watches(&v1alpha1.ScopedTokenBinding{}, handler.Funcs{UpdateFunc: r.bindingUpdated, DeleteFunc: r.bindingDeleted}).
		WatchesRawSource(&source.Informer{
			Informer: secrets, Handler: handler.EnqueueRequestsFromMapFunc(r.usersOf), Predicates: []predicate.Predicate{predicate.ResourceVersionChangedPredicate{}},
		}).
		WatchesRawSource(source.Channel(r.Registry.requeues[r.kind].out, handler.TypedEnqueueRequestsFromMapFunc(requestFor))).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(r)
}

func requestFor(_ context.Context, k Key) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: k.Object()}}
}
