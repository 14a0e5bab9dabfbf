package token

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
)

// Each kind has a watch of its own. After the operator was cut off from the API server, that of bindings may come back before that of
// connections: a deletion is seen then, and not what was set on the connection before it. So what a write is decided on is read from the
// API server right before it.

const (
	// rechecks is how many connections, or namespaces, are read side by side. The write waits for all of them, and must follow the
	// read of the token within a second.
	rechecks = 32
	// recheckFor is how long they may take together. After that the read of the token is too old to be written from.
	recheckFor = time.Second
)

// asOfNow is what the API server says, right before a write, of the connections that the write acts for, and of the labels of namespaces
// where their rules ask for these. It serves one write slot.
type asOfNow struct {
	r           *Reconciler
	connections map[connection.Key]connected
	labels      map[string]labels
}

func (r *Reconciler) asOfNow() *asOfNow {
	return &asOfNow{r: r, connections: map[connection.Key]connected{}, labels: map[string]labels{}}
}

// recheck reads what the next write acts for and was not read yet, and reports whether it is not what was decided on.
func (n *asOfNow) recheck(ctx context.Context, p decision.Progress) (changed bool, err error) {
	ctx, done := context.WithTimeout(ctx, recheckFor)
	defer done()
	var acting []decision.Binding
	for _, i := range p.ActsFor() {
		acting = append(acting, p.Situation.Bindings[i])
	}
	if err := n.readConnections(ctx, acting); err != nil {
		return false, err
	}
	if err := n.readLabels(ctx, acting); err != nil {
		return false, err
	}
	for i, b := range n.of(acting) {
		changed = changed || differs(&b, &acting[i])
	}
	return changed, nil
}

// differs reports whether a binding's connection or the labels of its namespace are not as they were.
func differs(is, was *decision.Binding) bool {
	return !sameVersion(is.Connection.Object, was.Connection.Object) || !maps.Equal(is.Labels, was.Labels) || (is.LabelsErr == nil) != (was.LabelsErr == nil)
}

func sameVersion(a, b v1alpha1.Connection) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.GetUID() == b.GetUID() && a.GetResourceVersion() == b.GetResourceVersion()
}

// readConnections reads those of the bindings. What another instance serves by now is not this one's to write. Where a namespace goes with
// the rights in it, what is deleted there stays as it was decided, by the cache, since nobody can look any more.
func (n *asOfNow) readConnections(ctx context.Context, of []decision.Binding) error {
	missing, stays := map[connection.Key]bool{}, map[connection.Key]bool{}
	for i := range of {
		key := connectionOf(of[i].Object)
		stays[key] = stays[key] || !of[i].Deleting()
		if n.connections[key].id == "" {
			missing[key] = true
		}
	}
	return sideBySide(ctx, missing, func(ctx context.Context, key connection.Key) (connected, error) {
		object, err := connection.Find(ctx, n.r.Live, key)
		if apierrors.IsForbidden(err) && !stays[key] {
			return connected{}, nil
		}
		if err == nil && object != nil && !n.r.Registry.Serves(object) {
			err = fmt.Errorf("%s: another instance serves it by now", key.Words())
		}
		if err != nil {
			return connected{}, err
		}
		c := n.r.connected(key, object)
		c.handle.Deleting = c.handle.Deleting || object != nil && !object.GetDeletionTimestamp().IsZero()
		return c, nil
	}, n.connections)
}

// readLabels reads those of the bindings' namespaces, where the rules ask for any. That a namespace is gone is an answer, as it is where
// the cache says so.
func (n *asOfNow) readLabels(ctx context.Context, of []decision.Binding) error {
	missing := map[string]bool{}
	for i := range of {
		b := of[i].Object
		c := n.connections[connectionOf(b)]
		if _, read := n.labels[b.Namespace]; !read && c.object != nil && policy.GoesByLabels(c.object) {
			missing[b.Namespace] = true
		}
	}
	return sideBySide(ctx, missing, func(ctx context.Context, namespace string) (labels, error) {
		l := labelsFrom(ctx, n.r.Live, namespace)
		if apierrors.IsNotFound(l.err) {
			return l, nil
		}
		return l, l.err
	}, n.labels)
}

// sideBySide puts what is read for each key into a map, unless something cannot be read.
func sideBySide[K comparable, V any](ctx context.Context, keys map[K]bool, read func(context.Context, K) (V, error), into map[K]V) error {
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(rechecks)
	var mu sync.Mutex
	for key := range keys {
		work.Go(func() error {
			v, err := read(ctx, key)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			into[key] = v
			return nil
		})
	}
	return work.Wait() //nolint:wrapcheck // the errors say what was read
}

// of are the bindings with what was read.
func (n *asOfNow) of(bindings []decision.Binding) []decision.Binding {
	all := make([]decision.Binding, 0, len(bindings))
	for _, b := range bindings {
		if c := n.connections[connectionOf(b.Object)]; c.id != "" {
			b.Connection = c.decision()
			if l, read := n.labels[b.Object.Namespace]; read {
				b.Labels, b.LabelsErr = l.labels, nil
				if c.object != nil && c.goesByRules() {
					b.LabelsErr = l.err
				}
				b = withoutNamespace(b)
			}
		}
		all = append(all, b)
	}
	return all
}
