package token

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/event"

	admit "github.com/scopedtoken/scopedtoken-operator/internal/admission"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

// rankOf is the rank of a group: that of the edit for which it is worked on, or of the binding for which a user waits. A
// binding that only names the token is not among them before there is a place to look for its name.
func (r *Reconciler) rankOf(g group) admit.Rank {
	if namespace, asked := r.admission.AskedBy(g.key); asked {
		return admit.Rank{Urgent: true, Namespace: namespace}
	}
	var of admit.Rank
	for i := range g.bindings {
		if r.waitedFor(&g.bindings[i]) {
			return admit.Rank{Urgent: true, Namespace: g.bindings[i].Object.Namespace}
		}
		of.Namespace = g.bindings[i].Object.Namespace
	}
	return of
}

// waitedFor reports whether a user has made, edited or deleted the binding since the operator began to work, and it was not
// looked at since. What was there at the start can wait.
func (r *Reconciler) waitedFor(b *decision.Binding) bool {
	switch o := b.Object; {
	case b.Requested():
		return true
	case b.Deleting():
		return o.DeletionTimestamp.After(r.begun)
	case b.Looked():
		return false
	default:
		return o.Status.ObservedGeneration > 0 || o.CreationTimestamp.After(r.begun)
	}
}

// isWaitedFor reports whether a user waits for the token: for what is being worked on, or for what comes after it.
func (r *Reconciler) isWaitedFor(g group) bool { return r.rankOf(g).Urgent }

// admit acquires a place for the group with its connections. A group that finds none is left as it is until it is woken up.
func (r *Reconciler) admit(ctx context.Context, g group) bool {
	var through []admit.Way[connection.Key]
	seen := map[string]bool{}
	for i := range g.bindings {
		id := g.bindings[i].Connection.ID
		if h := g.handles[id]; h.Client != nil && !seen[id] {
			seen[id] = true
			through = append(through, admit.Way[connection.Key]{Key: h.Key, Throttled: h.Client.Throttled})
		}
	}
	acquired, woken := r.admission.Acquire(g.key, through, r.rankOf(g))
	r.wakeUp(ctx, woken)
	return acquired
}

// wakeUp puts the tokens whose turn it is back into the work queue.
func (r *Reconciler) wakeUp(ctx context.Context, woken []admit.WakeUp[TokenKey]) {
	for _, w := range woken {
		f := finding{key: w.Key, priority: sweepPriority}
		if w.Urgent {
			f.priority = 0
		}
		r.enqueue(ctx, f)
	}
}

func (r *Reconciler) enqueue(ctx context.Context, f finding) {
	select {
	case r.found <- event.TypedGenericEvent[finding]{Object: f}:
	case <-ctx.Done():
	}
}

// handOver puts the tokens that were found by name into the work queue: ahead of others if a user waits for them, behind
// such edits for what was there when the operator started.
func (r *Reconciler) handOver(ctx context.Context, g group, bindings []decision.Binding, tokens map[int]string) {
	priorities := map[TokenKey]int{}
	for i, id := range tokens {
		key, priority := tokenKey(g.key.Host, g.key.Organization, id), sweepPriority
		if r.waitedFor(&bindings[i]) {
			priority = r.admission.Enqueued(key, bindings[i].Object.Namespace)
		}
		if most, known := priorities[key]; !known || priority > most {
			priorities[key] = priority
		}
	}
	for key, priority := range priorities {
		r.enqueue(ctx, finding{key: key, priority: priority})
	}
}
