package token

import (
	"context"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
)

type queue = workqueue.TypedRateLimitingInterface[TokenKey]

// What goes first. A user's edits have priority 0, as far as the share of the namespace goes.
const (
	// sweepPriority is that of what a sweep has found: a role that somebody has changed waits for no crowd.
	sweepPriority = handler.LowPriority / 2
	// retryPriority is that of bindings that are not Ready and are looked up again, once a sweep.
	retryPriority = sweepPriority - 10
	// crowdPriority is that of edits beyond the share of their namespace, which may have no end.
	crowdPriority = sweepPriority - 20
	// refusedPriority is that of bindings that the rules refuse whatever Astro shows. It comes after what was there at the start.
	refusedPriority = handler.LowPriority - 10
)

// edited lets through what somebody else than the operator did to a binding, and what moves it under another key. The
// operator's own patches are no news to it.
type edited struct{ predicate.Funcs }

// Update implements predicate.Predicate.
func (edited) Update(e event.UpdateEvent) bool {
	before, ok := e.ObjectOld.(*v1alpha1.ScopedTokenBinding)
	after, also := e.ObjectNew.(*v1alpha1.ScopedTokenBinding)
	if !ok || !also {
		return true
	}
	return before.ResourceVersion == after.ResourceVersion || byUser(before, after) || repinned(before, after)
}

// cause is why a binding is worked on.
type cause int

const (
	edit     cause = iota // a user has just changed it
	operator              // the operator has, and it came under another key
	known                 // it was there before, and is shown again
)

// causeOf tells it of an update that was let through.
func causeOf(e event.UpdateEvent) cause {
	before, ok := e.ObjectOld.(*v1alpha1.ScopedTokenBinding)
	after, also := e.ObjectNew.(*v1alpha1.ScopedTokenBinding)
	switch {
	case e.ObjectOld.GetResourceVersion() == e.ObjectNew.GetResourceVersion():
		return known
	case ok && also && !byUser(before, after):
		return operator
	default:
		return edit
	}
}

// byUser reports whether a user has changed what the operator goes by, or made another object of the same name.
func byUser(before, after *v1alpha1.ScopedTokenBinding) bool {
	return before.UID != after.UID || before.Generation != after.Generation || before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
		userAnnotations(before) != userAnnotations(after) || finalizerTaken(before, after)
}

// userAnnotations are those by which a user asks for something.
func userAnnotations(b *v1alpha1.ScopedTokenBinding) [4]string {
	return [4]string{
		b.Annotations[v1alpha1.AnnotationRelease], b.Annotations[v1alpha1.AnnotationRequestedAt],
		b.Annotations[v1alpha1.AnnotationConfirmToken], b.Annotations[v1alpha1.AnnotationConfirmTarget],
	}
}

// finalizerTaken reports whether somebody took the finalizer away, which the operator puts back.
func finalizerTaken(before, after *v1alpha1.ScopedTokenBinding) bool {
	return controllerutil.ContainsFinalizer(before, v1alpha1.FinalizerRevoke) && !controllerutil.ContainsFinalizer(after, v1alpha1.FinalizerRevoke)
}

// repinned reports whether the binding is worked on under another key now, or would be where the rules refuse it. Most events
// change nothing that says so.
func repinned(before, after *v1alpha1.ScopedTokenBinding) bool {
	return pins(before) != pins(after) && pin.TokenValue(before) != pin.TokenValue(after) ||
		(pin.Claimed(before) == nil) != (pin.Claimed(after) == nil)
}

// pins are what a binding's key hangs on, but for its spec.
func pins(b *v1alpha1.ScopedTokenBinding) [3]string {
	return [3]string{b.Status.Token.ID, b.Status.Target.ID, b.Status.OrganizationID}
}

// cameOrWent lets through connections that were made or deleted. What changes about one in between comes as a notice.
var cameOrWent = predicate.Funcs{UpdateFunc: func(event.UpdateEvent) bool { return false }}

// finding is a token that was found by its name, and where it goes in the queue.
type finding struct {
	key      TokenKey
	priority int
}

func add(q queue, key TokenKey, priority int) {
	if p, ok := q.(priorityqueue.PriorityQueue[TokenKey]); ok {
		p.AddWithOpts(priorityqueue.AddOpts{Priority: &priority}, key)
		return
	}
	q.Add(key)
}

// foundHandler puts the keys of tokens that were found by name into the queue.
func foundHandler() handler.TypedEventHandler[finding, TokenKey] {
	return handler.TypedFuncs[finding, TokenKey]{
		GenericFunc: func(_ context.Context, e event.TypedGenericEvent[finding], q queue) {
			add(q, e.Object.key, e.Object.priority)
		},
	}
}
