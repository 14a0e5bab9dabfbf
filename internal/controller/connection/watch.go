package connection

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/index"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// settling is how long deletions are gathered before a connection that waits for them is looked at again.
const settling = time.Second

// usersOf are the connections that read the Secret. They are looked for everywhere, since asking for a namespace in which
// the operator does not work is a fault.
func (r *reconciler) usersOf(ctx context.Context, secret client.Object) []reconcile.Request {
	list := r.emptyList()
	by := client.MatchingFields{index.ConnectionSecret: secret.GetName()}
	if err := r.Client.List(ctx, list, by, client.UnsafeDisableDeepCopy); err != nil {
		log.FromContext(ctx).Error(err, "could not find the connections of a Secret", "secret", client.ObjectKeyFromObject(secret))
		return nil
	}
	var users []reconcile.Request
	_ = meta.EachListItem(list, func(o runtime.Object) error {
		if c, ok := o.(v1alpha1.Connection); ok && r.secretKey(c) == client.ObjectKeyFromObject(secret) {
			users = append(users, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(c)})
		}
		return nil
	})
	return users
}

// namespaceChanged tells of a namespace that came under a rule of a connection by its labels, or left it.
func (r *reconciler) namespaceChanged(_ context.Context, e event.UpdateEvent, _ queue) {
	before, after := e.ObjectOld.GetLabels(), e.ObjectNew.GetLabels()
	if equality.Semantic.DeepEqual(before, after) {
		return
	}
	concerned := r.Registry.list(func(h Handle) bool {
		return h.Key.Kind == r.kind && (h.Key.Namespace == "" || h.Key.Namespace == e.ObjectNew.GetName()) &&
			policy.TellsApart(h.Object, before, after)
	})
	for _, h := range concerned {
		r.Registry.subscribers.tell(Notice{Connection: h.Key, Namespaces: []string{e.ObjectNew.GetName()}})
	}
}

// bindingUpdated looks at a connection that waits for its bindings once one has let go of it.
func (r *reconciler) bindingUpdated(_ context.Context, e event.UpdateEvent, q queue) {
	before, ok := e.ObjectOld.(*v1alpha1.ScopedTokenBinding)
	after, also := e.ObjectNew.(*v1alpha1.ScopedTokenBinding)
	if ok && also && (pin.Claimed(before) == nil) != (pin.Claimed(after) == nil) {
		r.awaited(e.ObjectNew, q)
	}
}

func (r *reconciler) bindingDeleted(_ context.Context, e event.DeleteEvent, q queue) {
	r.awaited(e.Object, q)
}

func (r *reconciler) awaited(o client.Object, q queue) {
	b, ok := o.(*v1alpha1.ScopedTokenBinding)
	if !ok {
		return
	}
	key := KeyFor(b.Namespace, b.Spec.ConnectionRef)
	h, known := r.Registry.Get(key)
	if known && key.Kind == r.kind && (h.Deleting || r.Registry.limits.isPaused(key)) {
		q.AddAfter(reconcile.Request{NamespacedName: key.Object()}, settling)
	}
}
