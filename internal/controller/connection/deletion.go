package connection

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/index"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/refusal"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

const (
	// grace is how long a connection that is being deleted is kept while bindings refer to it, so that a claim which is
	// being taken at that moment is seen.
	grace = 5 * time.Second
	// unfinishedGrace is how long it is kept for nothing but roles that are being given, and those that are not revoked yet
	// although their bindings are gone. There is no object left by which somebody could give the latter up.
	unfinishedGrace = time.Minute
	// unfinishedPoll is how often it is looked at meanwhile: no event tells that a role was revoked of which no object speaks.
	unfinishedPoll = time.Second
)

// keep keeps the connection from going while bindings may need it.
func (d *dependencies) keep(ctx context.Context, c v1alpha1.Connection) error {
	if !c.GetDeletionTimestamp().IsZero() || controllerutil.ContainsFinalizer(c, v1alpha1.FinalizerInUse) {
		return nil
	}
	return d.patchFinalizer(ctx, c, controllerutil.AddFinalizer)
}

// release lets a connection go that is being deleted and that no binding needs.
func (d *dependencies) release(ctx context.Context, c v1alpha1.Connection, u usage, grace time.Duration) (released bool, err error) {
	if c.GetDeletionTimestamp().IsZero() || u.needed(grace) {
		return false, nil
	}
	if !controllerutil.ContainsFinalizer(c, v1alpha1.FinalizerInUse) {
		return true, nil
	}
	return true, d.patchFinalizer(ctx, c, controllerutil.RemoveFinalizer)
}

// refusedFinalizer is the fault of a connection whose finalizer Kubernetes refuses to have put on or taken off; nil if the
// error is another one. Without its finalizer nothing would keep a connection while bindings need it.
func refusedFinalizer(c v1alpha1.Connection, err error) *fault.Fault {
	if !refusal.Count(refusal.Metadata, err) {
		return nil
	}
	doing := "the connection is not used before it has the operator's finalizer, which Kubernetes refuses"
	if !c.GetDeletionTimestamp().IsZero() {
		doing = "no binding needs the connection any more, but the operator's finalizer stays on it, since Kubernetes refuses its removal"
	}
	return fault.FromKubernetesError(v1alpha1.ConditionReady, doing, err)
}

// needed reports whether a connection that is being deleted has to stay, with so much of its grace left.
func (u usage) needed(grace time.Duration) bool {
	return len(u.holders) > 0 || (u.bindings+u.unfinished > 0 && grace > 0)
}

// deletion is what is remembered of a connection that is being deleted; zero of any other.
type deletion struct {
	since time.Time
	// unfinishedSince is since when it is kept for nothing but unfinished work, which may come long after: once the finalizers are
	// stripped from bindings whose revocation takes its time.
	unfinishedSince time.Time
}

// after is the deletion once somebody has looked at who needs the connection.
func (d deletion) after(u usage, now time.Time) deletion {
	switch {
	case d.since.IsZero() || u.unfinished == 0 || len(u.holders) > 0:
		d.unfinishedSince = time.Time{}
	case d.unfinishedSince.IsZero():
		d.unfinishedSince = now
	}
	return d
}

// graceLeft is how long the connection is still kept for claims that are being taken, and for unfinished work.
func (d deletion) graceLeft(now time.Time) time.Duration {
	switch {
	case d.since.IsZero():
		return 0
	case !d.unfinishedSince.IsZero():
		return d.unfinishedSince.Add(unfinishedGrace).Sub(now)
	default:
		return d.since.Add(grace).Sub(now)
	}
}

func (d *dependencies) patchFinalizer(ctx context.Context, c v1alpha1.Connection, change func(client.Object, string) bool) error {
	before, ok := c.DeepCopyObject().(client.Object)
	if !ok || !change(c, v1alpha1.FinalizerInUse) {
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := d.Client.Patch(ctx, c, patch); client.IgnoreNotFound(err) != nil {
		c.SetFinalizers(before.GetFinalizers())
		return fmt.Errorf("patch the finalizers of %s: %w", KeyOf(c), err)
	}
	if change(c, v1alpha1.FinalizerInUse) {
		c.SetFinalizers(before.GetFinalizers())
		return fmt.Errorf("patch the finalizers of %s: %w", KeyOf(c), &fault.DroppedError{What: "the change of its finalizers"})
	}
	index.Strip(c, d.Selector) // the API server answers with all of it, and a copy is kept
	return nil
}
