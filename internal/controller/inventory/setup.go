package inventory

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/index"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/quota"
)

const (
	// settling is how long changes are gathered before an inventory is listed anew. Ten thousand bindings that are
	// applied at once cost an inventory one listing of memory in each such time.
	settling = 2 * time.Second
	// workers is how many inventories are looked at side by side. Each may have the list of all bindings in its hands.
	workers = 8
	// mostOfANamespace is how many of a namespace are. Each may wait for Astro, up to a second a call, so that a namespace that has many
	// of them would otherwise have all workers.
	mostOfANamespace = 2
	// freshEnough is how old a missed target may be that counts for an inventory of which the user has just said something.
	freshEnough = 10 * time.Second
	// A namespace's share of lookups past such a miss. The next listing answers what is beyond it.
	readsPerSecond, readBurst = 1, 20
	// A namespace's share of status writes, each of which may be 70 KB. What is beyond it is late, and says what is found by then.
	writesPerSecond, writeBurst = 1, 20
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// Options are what the controller of inventories needs.
type Options struct {
	// Registry tells what is known of the connections.
	Registry *connection.Registry
	// Recorder takes events.
	Recorder events.EventRecorder
	// Remover has roles removed that no binding declares; nothing is removed if nil.
	Remover Remover
	// Partial says that bindings of some namespaces are not seen, so that nobody knows what no binding declares.
	Partial bool
}

// SetupWithManager adds the controller. The fields of package index have to be registered.
func SetupWithManager(mgr ctrl.Manager, o Options) error {
	r := &Reconciler{
		Client: mgr.GetClient(), Registry: o.Registry, Recorder: o.Recorder, Remover: o.Remover, Partial: o.Partial,
		reads: quota.New(readsPerSecond, readBurst), writes: quota.NewTurns[types.NamespacedName](writesPerSecond, writeBurst),
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("targetinventory").
		For(&v1alpha1.TargetInventory{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, confirms()))).
		Watches(&v1alpha1.ScopedTokenBinding{}, handler.Funcs{
			CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { r.declarationChanged(ctx, q, nil, e.Object) },
			UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
				r.declarationChanged(ctx, q, e.ObjectOld, e.ObjectNew)
			},
			DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { r.declarationChanged(ctx, q, e.Object, nil) },
		}).
		Watches(&v1alpha1.AstroConnection{}, handler.EnqueueRequestsFromMapFunc(r.usersOf), builder.WithPredicates(ruled)).
		Watches(&v1alpha1.ClusterAstroConnection{}, handler.EnqueueRequestsFromMapFunc(r.usersOf), builder.WithPredicates(ruled)).
		WatchesRawSource(source.Channel(o.Registry.SubscribeToRows(), handler.TypedFuncs[connection.Notice, reconcile.Request]{GenericFunc: r.noticed})).
		WatchesRawSource(source.Func(func(_ context.Context, q queue) error {
			r.places = quota.NewPlaces(mostOfANamespace, q.Add)
			return nil
		})).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers, RateLimiter: r.backoff()}).
		Complete(r)
}

// confirms lets an inventory through on which the user has confirmed another target, or removals.
func confirms() predicate.Funcs {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.GetAnnotations(), e.ObjectNew.GetAnnotations()
		return before[v1alpha1.AnnotationConfirmTarget] != after[v1alpha1.AnnotationConfirmTarget] ||
			before[v1alpha1.AnnotationConfirmUndeclared] != after[v1alpha1.AnnotationConfirmUndeclared]
	}}
}

// ruled lets through connections that were made or deleted, of which an instance that does not serve them has no notice, and
// those whose rules were edited, whose own controller may be busy with a slow sweep. What else changes comes as a notice.
var ruled = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	before, ok := e.ObjectOld.(v1alpha1.Connection)
	after, also := e.ObjectNew.(v1alpha1.Connection)
	return ok && also && (before.GetUID() != after.GetUID() || !equality.Semantic.DeepEqual(before.ConnectionSpec().Allow, after.ConnectionSpec().Allow))
}}

// usersOf are the inventories that go by the rules of the connection: its own, and those that they let name its bindings.
func (r *Reconciler) usersOf(ctx context.Context, o client.Object) (users []reconcile.Request) {
	c, ok := o.(v1alpha1.Connection)
	if !ok {
		return nil
	}
	r.each(ctx, client.MatchingFields{index.InventoryConnection: connection.KeyOf(c).String()}, func(i *v1alpha1.TargetInventory) {
		users = append(users, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(i)})
	})
	r.eachBeside(ctx, connection.KeyOf(c), func(i *v1alpha1.TargetInventory) {
		users = append(users, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(i)})
	})
	return users
}

// eachBeside does something with the inventories of the targets on which bindings of the connection hold roles. Its rules say whether
// another namespace may be told of these. Those of an AstroConnection say nothing to others.
func (r *Reconciler) eachBeside(ctx context.Context, key connection.Key, do func(*v1alpha1.TargetInventory)) {
	if key.Kind != v1alpha1.KindClusterAstroConnection {
		return
	}
	var list v1alpha1.ScopedTokenBindingList
	if err := r.Client.List(ctx, &list, client.MatchingFields{index.BindingConnection: key.String()}, client.UnsafeDisableDeepCopy); err != nil {
		log.FromContext(ctx).Error(err, "could not find the bindings of a connection", "connection", key.String())
		return
	}
	targets := map[string]bool{}
	for i := range list.Items {
		if p, holds := placeOf(&list.Items[i]); holds {
			targets[p.target] = true
		}
	}
	for target := range targets {
		r.each(ctx, client.MatchingFields{index.InventoryTarget: target}, do)
	}
}

// noticed looks at the inventories of a connection again: at once if it is the connection or their namespace that changed, after a while
// if it is tokens or targets, since more of them may be about to.
func (r *Reconciler) noticed(ctx context.Context, e event.TypedGenericEvent[connection.Notice], q queue) {
	after, which := settling, all
	within := func(i *v1alpha1.TargetInventory) bool { return slices.Contains(e.Object.Namespaces, i.Namespace) }
	if len(e.Object.Namespaces) > 0 {
		r.enqueue(ctx, q, 0, within, client.MatchingFields{index.InventoryConnection: e.Object.Connection.String()})
	}
	if e.Object.All || len(e.Object.Namespaces) > 0 { // its rules may speak to other namespaces, which came under them by their labels
		r.eachBeside(ctx, e.Object.Connection, func(i *v1alpha1.TargetInventory) {
			if e.Object.All || within(i) {
				q.AddAfter(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(i)}, settling)
			}
		})
	}
	if e.Object.NamespacesAlone() {
		return
	}
	if !e.Object.All && len(e.Object.Tokens) == 0 && len(e.Object.Targets) == 0 {
		which = waits // the sweep found nothing new
	}
	if e.Object.All {
		after = 0
	}
	r.enqueue(ctx, q, after, which, client.MatchingFields{index.InventoryConnection: e.Object.Connection.String()})
}

func all(*v1alpha1.TargetInventory) bool { return true }

// waits reports whether an inventory waits for a listing that can be relied on, or for another one that shows what it is to remove:
// that may hang on a binding without a claim, or on a connection's credential, of which no sweep tells.
func waits(i *v1alpha1.TargetInventory) bool {
	if i.Spec.Undeclared == v1alpha1.UndeclaredRemove {
		return true
	}
	c := meta.FindStatusCondition(i.Status.Conditions, v1alpha1.ConditionReady)
	return c != nil && c.Reason == v1alpha1.ReasonListIncomplete
}

// declarationChanged looks at the inventories of a target again when a binding takes or drops its claim there.
func (r *Reconciler) declarationChanged(ctx context.Context, q queue, before, after client.Object) {
	was, is := declaration(before), declaration(after)
	if was == is {
		return
	}
	for _, p := range []place{was, is} {
		if p.target != "" {
			r.enqueue(ctx, q, settling, all, client.MatchingFields{index.InventoryTarget: p.target})
		}
	}
}

func declaration(o client.Object) place {
	b, ok := o.(*v1alpha1.ScopedTokenBinding)
	if !ok {
		return place{}
	}
	p, _ := placeOf(b)
	return p
}

func (r *Reconciler) enqueue(ctx context.Context, q queue, after time.Duration, which func(*v1alpha1.TargetInventory) bool, by client.MatchingFields) {
	r.each(ctx, by, func(i *v1alpha1.TargetInventory) {
		if which(i) {
			q.AddAfter(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(i)}, after)
		}
	})
}

// each does something with the inventories that are found by a field. They are the cache's, and not to be changed.
func (r *Reconciler) each(ctx context.Context, by client.MatchingFields, do func(*v1alpha1.TargetInventory)) {
	var list v1alpha1.TargetInventoryList
	if err := r.Client.List(ctx, &list, by, client.UnsafeDisableDeepCopy); err != nil {
		log.FromContext(ctx).Error(err, "could not find inventories", "by", by)
		return
	}
	for i := range list.Items {
		do(&list.Items[i])
	}
}
