package connection

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
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
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/quota"
)

const (
	// workers is how many connections of a kind are looked at side by side. Each waits for Astro most of the time.
	workers = 32
	// mostOfANamespace is how many AstroConnections of a namespace are. Each look waits for Astro, minutes at worst, so that a namespace
	// that has many of them would otherwise have all workers. A ClusterAstroConnection waits for no other.
	mostOfANamespace = 2
)

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
		r.dependencies, r.kind = dependencies{o, mgr.GetClient(), mgr.GetAPIReader()}, r.empty().ConnectionKind()
		r.places = quota.NewPlaces(mostOfANamespace, o.Registry.lookAgain)
		r.requests, r.proofs = quota.New(requestsPerSecond, requestBurst), quota.New(proofsPerSecond, proofBurst)
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
		WithOptions(controller.Options{MaxConcurrentReconciles: workers, RateLimiter: Backoff[reconcile.Request]()}).
		Complete(r)
}

// Backoff is how long what has failed is left alone: so short, at most, that nothing waits long after an outage, since a sweep tells of
// a change only once.
func Backoff[K comparable]() workqueue.TypedRateLimiter[K] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[K](50*time.Millisecond, time.Minute)
}

func requestFor(_ context.Context, k Key) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: k.Object()}}
}

// watchSecrets starts with the manager to watch the Secrets of some namespaces, or of all. The watch has a cache of its
// own, for which nobody waits: where the operator may not watch, because a namespace went and took its RoleBinding along,
// or because the RoleBinding is yet to come, everything else goes on. The credentials of such a namespace are read when
// their connection is looked at, and the watch begins once it is allowed.
func watchSecrets(mgr ctrl.Manager, namespaces []string) (cache.Informer, error) {
	secrets, err := cache.New(mgr.GetConfig(), cache.Options{
		HTTPClient: mgr.GetHTTPClient(), Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper(),
		DefaultNamespaces: inEach(namespaces), DefaultTransform: stripToName,
	})
	if err != nil {
		return nil, fmt.Errorf("make a cache for the metadata of Secrets: %w", err)
	}
	if err := mgr.Add(secrets); err != nil {
		return nil, fmt.Errorf("add the cache for the metadata of Secrets: %w", err)
	}
	metadata := &metav1.PartialObjectMetadata{}
	metadata.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	informer, err := secrets.GetInformer(context.Background(), metadata, cache.BlockUntilSynced(false))
	if err != nil {
		return nil, fmt.Errorf("watch Secrets: %w", err)
	}
	return informer, nil
}

// inEach is the cache of each namespace, nil for that of all.
func inEach(namespaces []string) map[string]cache.Config {
	if len(namespaces) == 0 {
		return nil
	}
	configs := map[string]cache.Config{}
	for _, n := range namespaces {
		configs[n] = cache.Config{}
	}
	return configs
}

// stripToName keeps of a Secret which one it is and that it changed, and above all not the copy of its content that
// kubectl leaves in an annotation.
func stripToName(object any) (any, error) {
	if s, ok := object.(*metav1.PartialObjectMetadata); ok {
		s.ObjectMeta = metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name, UID: s.UID, ResourceVersion: s.ResourceVersion}
	}
	return object, nil
}
