package shard

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/labels"
)

// Turn says whether something is this instance's to work on now.
type Turn struct {
	// Stage says what may be done.
	Stage Stage
	// Left is for how long it is Waiting.
	Left time.Duration
}

// Connection says what there is to do with a connection. The context that it returns ends as soon as the Organization
// is another instance's; the function is to be called in the end.
func (t *Tracker) Connection(ctx context.Context, key Key) (context.Context, context.CancelFunc, Turn) {
	return t.begin(ctx, func() (*organization, Stage) {
		c, found := t.connections[key]
		if !found {
			return nil, Foreign // its news is still to come
		}
		o := t.organizations[c.organization]
		return o, o.stage(t, c)
	})
}

// Organization says the same of the claims in an Organization. Proving means that each connection speaks for itself, see
// Speaks. What no connection leads to is served by the instance that selects what has no labels.
func (t *Tracker) Organization(ctx context.Context, id Organization) (context.Context, context.CancelFunc, Turn) {
	return t.begin(ctx, func() (*organization, Stage) {
		o := t.organizations[id]
		switch {
		case o == nil && t.unlabelled(), o != nil && o.ours:
			return o, Serving
		case o != nil && !o.proven:
			return o, Proving
		default:
			return o, Foreign
		}
	})
}

// begin finds out the stage, and binds the context to the turn.
func (t *Tracker) begin(ctx context.Context, find func() (*organization, Stage)) (context.Context, context.CancelFunc, Turn) {
	if t == nil {
		return ctx, func() {}, Turn{Stage: Serving}
	}
	if !t.known(ctx) {
		return ctx, func() {}, Turn{Stage: Foreign}
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	o, stage := find()
	if stage != Serving || o == nil {
		return ctx, func() {}, Turn{Stage: stage}
	}
	if left := o.free.Sub(t.Clock()); left > 0 {
		return ctx, func() {}, Turn{Stage: Waiting, Left: left}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(o.turn, func() { cancel(ErrMoved) })
	return ctx, func() { stop(); cancel(nil) }, Turn{Stage: Serving}
}

// Speaks reports whether it is this instance that tells a binding how it stands with the Organization, where the binding
// refers to the connection.
func (t *Tracker) Speaks(id Organization, through Key) bool {
	if t == nil {
		return true
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	o := t.organizations[id]
	if o != nil && o.proven {
		return o.ours
	}
	if o != nil {
		if c, found := o.connections[through]; found {
			return t.Selector.Matches(c.labels)
		}
	}
	return t.unlabelled()
}

// unlabelled reports whether the instance selects what has no labels.
func (t *Tracker) unlabelled() bool { return t.Selector.Matches(labels.Set{}) }
