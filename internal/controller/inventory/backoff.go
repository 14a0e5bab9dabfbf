package inventory

import (
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
)

// backoff is how long an inventory is left alone that has failed. The queue forgets how often that was whenever a look ends well, and so
// does one that ends because there is no place for it.
type backoff struct {
	workqueue.TypedRateLimiter[reconcile.Request]

	waits func(reconcile.Request) bool
}

func (r *Reconciler) backoff() backoff {
	return backoff{connection.Backoff[reconcile.Request](), func(req reconcile.Request) bool { return r.places.Has(req.Namespace, req) }}
}

// Forget forgets how often it has failed, unless it was not looked at yet.
func (b backoff) Forget(req reconcile.Request) {
	if !b.waits(req) {
		b.TypedRateLimiter.Forget(req)
	}
}
