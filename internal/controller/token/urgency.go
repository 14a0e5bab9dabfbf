package token

import (
	"cmp"
	"context"

	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
)

// rank is what a token's place in a line depends on.
type rank struct {
	urgent    bool   // a user waits for it
	namespace string // whose edit it is
	turn      int    // how many tokens waited already for an edit of that namespace
	order     int    // first come, first served among equals
}

func (r rank) compare(o rank) int {
	if r.urgent != o.urgent {
		if r.urgent {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(r.turn, o.turn), cmp.Compare(r.order, o.order))
}

// rankOf is the rank of a group: that of the edit for which it is worked on, or of the member for which a user waits. A
// binding that only spells the token is not among the members before there is a place to look for its name.
func (r *Reconciler) rankOf(g *group) rank {
	if namespace, asked := r.turns.askedBy(g.key); asked {
		return rank{urgent: true, namespace: namespace}
	}
	var of rank
	for _, m := range g.members {
		if r.urgent(m) {
			return rank{urgent: true, namespace: m.binding.Namespace}
		}
		of.namespace = m.binding.Namespace
	}
	return of
}

// urgent reports whether a user has made, edited or deleted the binding since the operator began to work, and it was not
// looked at since. What was there at the start can wait.
func (r *Reconciler) urgent(m *member) bool {
	b := m.binding
	switch {
	case m.requested():
		return true
	case m.leaving():
		return b.DeletionTimestamp.After(r.begun)
	case m.looked():
		return false
	default:
		return b.Status.ObservedGeneration > 0 || b.CreationTimestamp.After(r.begun)
	}
}

// admit takes a place for the group in the lines of its connections. A group that finds none is left as it is until it is
// called.
func (r *Reconciler) admit(ctx context.Context, g *group) bool {
	var through []gate
	seen := map[connection.Key]bool{}
	for _, m := range g.members {
		if m.conn.Client != nil && !seen[m.conn.Key] {
			seen[m.conn.Key] = true
			through = append(through, gate{key: m.conn.Key, throttled: m.conn.Client.Throttled})
		}
	}
	rank := r.rankOf(g)
	g.urgent = rank.urgent
	entered, called := r.lines.enter(g.key, through, rank)
	r.call(ctx, called)
	if !entered {
		g.members, g.postponed = nil, true
	}
	return entered
}

// call puts the tokens whose turn it is back into the work queue.
func (r *Reconciler) call(ctx context.Context, called []call) {
	for _, c := range called {
		f := finding{key: c.key, priority: sweepPriority}
		if c.urgent {
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
