package token

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/index"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/resolve"
)

// bindingHandler puts the keys under which a binding is worked on, and was before, into the work queue. What is there at
// the start goes behind what users edit.
func (r *Reconciler) bindingHandler() handler.TypedEventHandler[client.Object, TokenKey] {
	return handler.TypedFuncs[client.Object, TokenKey]{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) {
			cause := edit
			if e.IsInInitialList && !e.Object.GetCreationTimestamp().After(r.begun) {
				cause = known
			}
			r.enqueueBinding(ctx, q, cause, e.Object)
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			if e.ObjectNew.GetUID() != e.ObjectOld.GetUID() && r.owns(ctx, e.ObjectOld) {
				r.writeDown(ctx, r.orphans.replaced(e))
			}
			if !r.ownWrites.alreadyHandled(e) {
				r.enqueueBinding(ctx, q, causeOf(e), e.ObjectOld, e.ObjectNew)
			}
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) {
			if r.owns(ctx, e.Object) {
				r.writeDown(ctx, r.orphans.deleted(e))
			}
			r.enqueueEntry(e.Object, q)
			r.enqueueBinding(ctx, q, edit, e.Object)
		},
	}
}

// owns reports whether a binding is this instance's to look after, by its connection: every instance sees all bindings, and one
// that another instance has let go is no orphan here. Where the connection is gone too, it is the one's that knew it.
func (r *Reconciler) owns(ctx context.Context, o client.Object) bool {
	b, ok := o.(*v1alpha1.ScopedTokenBinding)
	if !ok {
		return false
	}
	return r.ownsThrough(ctx, connectionOf(b))
}

// ownsThrough reports whether what hangs on the connection is this instance's to look after.
func (r *Reconciler) ownsThrough(ctx context.Context, key connection.Key) bool {
	object, err := connection.Find(ctx, r.Client, key)
	if err == nil && object != nil {
		return r.Registry.Serves(object)
	}
	_, known := r.Registry.Get(key)
	return known || r.Registry.ServesAll()
}

// enqueueEntry puts the token into the work queue on which a binding has its claim by the journal: its status may not name
// the token yet.
func (r *Reconciler) enqueueEntry(o client.Object, q queue) {
	j := r.journal()
	if j == nil {
		return // every entry is looked at once the journal is open
	}
	if k, _, found := j.Find(o.GetUID()); found {
		add(q, tokenKey(k.Host, k.Organization, k.Token), sweepPriority)
	}
}

// enqueueBinding puts the keys of a binding into the work queue, as it is and as it was.
func (r *Reconciler) enqueueBinding(ctx context.Context, q queue, why cause, versions ...client.Object) {
	var last TokenKey
	connections := r.connections()
	for _, o := range versions {
		b, ok := o.(*v1alpha1.ScopedTokenBinding)
		if !ok {
			continue
		}
		c, err := connections.of(ctx, b)
		if err != nil {
			log.FromContext(ctx).Error(err, "cannot tell the key of a binding", "namespace", b.Namespace, "name", b.Name)
			continue
		}
		full := connections.binding(ctx, b, c)
		key := c.keyOf(&full)
		switch {
		case key == last:
		case key.Refused != "":
			add(q, key, refusedPriority)
		case why == known:
			add(q, key, handler.LowPriority)
		case why == operator:
			add(q, key, sweepPriority)
		case r.shares.edits.Take(b.Namespace, time.Now()):
			r.line.Edited(key, b.Namespace, true)
			add(q, key, 0)
		default:
			r.line.Edited(key, b.Namespace, false)
			add(q, key, crowdPriority)
		}
		last = key
	}
}

// connectionHandler looks at the bindings of a connection that came or went.
func (r *Reconciler) connectionHandler() handler.TypedEventHandler[client.Object, TokenKey] {
	all := func(ctx context.Context, o client.Object, q queue) {
		if c, ok := o.(v1alpha1.Connection); ok {
			key := connection.KeyOf(c)
			r.ownWrites.notice()
			r.enqueueBindings(ctx, index.BindingConnection, key.String(), q)
			q.Add(TokenKey{Connection: key})
		}
	}
	return handler.TypedFuncs[client.Object, TokenKey]{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { all(ctx, e.Object, q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { all(ctx, e.Object, q) },
	}
}

// noticeHandler looks at the tokens and targets that a sweep found changed, and at every binding that is not Ready, once a sweep.
func (r *Reconciler) noticeHandler() handler.TypedEventHandler[connection.Notice, TokenKey] {
	return handler.TypedFuncs[connection.Notice, TokenKey]{
		GenericFunc: func(ctx context.Context, e event.TypedGenericEvent[connection.Notice], q queue) {
			n := e.Object
			r.ownWrites.notice()
			if n.All {
				r.enqueueBindings(ctx, index.BindingConnection, n.Connection.String(), q)
			} else if n.Swept {
				r.enqueueNotReady(ctx, n.Connection, q)
			}
			for _, namespace := range n.Namespaces {
				r.enqueueBindings(ctx, index.BindingConnection, n.Connection.String(), q, client.InNamespace(namespace))
			}
			for _, key := range r.orphans.through(n) {
				add(q, key, sweepPriority)
			}
			r.enqueueTokens(ctx, n, q)
			for _, t := range n.Targets {
				r.enqueueBindings(ctx, index.BindingTarget, index.TargetValue(resolve.Kinds[t.Kind], t.ID), q)
			}
		},
	}
}

// enqueueBindings enqueues the keys of the bindings that are found under a field's value, each once.
func (r *Reconciler) enqueueBindings(ctx context.Context, field, value string, q queue, in ...client.ListOption) {
	r.enqueueFound(ctx, field, value, func(_ *decision.Binding, key TokenKey) {
		priority := sweepPriority
		if key.Refused != "" {
			priority = refusedPriority
		}
		add(q, key, priority)
	}, in...)
}

// enqueueNotReady enqueues the bindings of a connection that are not Ready: they are looked up once a sweep, behind what the
// sweep has found. One that the rules refuse whatever Astro shows is left alone once it says so: no sweep can change it.
func (r *Reconciler) enqueueNotReady(ctx context.Context, c connection.Key, q queue) {
	r.enqueueFound(ctx, index.BindingNotReady, c.String(), func(b *decision.Binding, key TokenKey) {
		switch {
		case key.Refused == "":
			add(q, key, retryPriority)
		case !statesRefusal(b) || b.Deleting():
			add(q, key, refusedPriority)
		}
	})
}

// statesRefusal reports whether the status says why the rules refuse the binding. It may say that they could not be asked.
func statesRefusal(b *decision.Binding) bool {
	refused, is := b.Refused(), meta.FindStatusCondition(b.Object.Status.Conditions, v1alpha1.ConditionAccepted)
	return b.Looked() && refused != nil && is != nil && is.Status == metav1.ConditionFalse && is.Reason == refused.Reason
}

// enqueueFound has the keys of the bindings that are found under a field's value enqueued, each once.
func (r *Reconciler) enqueueFound(
	ctx context.Context, field, value string, enqueue func(*decision.Binding, TokenKey), in ...client.ListOption,
) {
	var list v1alpha1.ScopedTokenBindingList
	unsafe := client.UnsafeDisableDeepCopy // only read here
	if err := r.Client.List(ctx, &list, append(in, client.MatchingFields{field: value}, unsafe)...); err != nil {
		log.FromContext(ctx).Error(err, "cannot list bindings", "field", field, "value", value)
		return
	}
	seen, known := map[TokenKey]bool{}, r.connections()
	for i := range list.Items {
		c, err := known.of(ctx, &list.Items[i])
		if err != nil {
			continue
		}
		full := known.binding(ctx, &list.Items[i], c)
		token := c.keyOf(&full)
		if token.Refused == "" && seen[token] {
			continue
		}
		seen[token] = true
		enqueue(&full, token)
	}
}

// enqueueTokens enqueues the tokens that a sweep found changed and that are bound, through whichever connection: the
// others may not list them again for a while.
func (r *Reconciler) enqueueTokens(ctx context.Context, n connection.Notice, q queue) {
	h, known := r.Registry.Get(n.Connection)
	if !known {
		return
	}
	for _, id := range n.Tokens {
		var bound v1alpha1.ScopedTokenBindingList
		err := r.Client.List(ctx, &bound, client.MatchingFields{index.BindingToken: pin.IDValue(id)}, client.Limit(1), client.UnsafeDisableDeepCopy)
		if err != nil || len(bound.Items) > 0 {
			add(q, tokenKey(h.Host, h.Organization, id), sweepPriority)
		}
	}
}
