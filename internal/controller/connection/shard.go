package connection

import (
	"context"
	"errors"
	"fmt"
	"time"

	toolscache "k8s.io/client-go/tools/cache"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/shard"
)

// sharing is a reconciler that leaves alone what another instance serves.
type sharing struct{ *reconciler }

// Reconcile looks at the connection if it is this instance's to look at, and drops it as if it were gone if it is not.
func (s sharing) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	key := Key{Kind: s.kind, Namespace: req.Namespace, Name: req.Name}
	work, done, turn := s.Registry.shard.Connection(ctx, shard.Key(key))
	defer done()
	switch turn.Stage {
	case shard.Foreign:
		s.gone(key)
		return reconcile.Result{}, nil
	case shard.Waiting:
		return reconcile.Result{RequeueAfter: turn.Left}, nil
	case shard.Proving, shard.Serving:
		s.memories.of(key).begin(turn.Stage)
	}
	result, err := s.reconciler.Reconcile(work, req)
	if errors.Is(context.Cause(work), shard.ErrMoved) {
		s.gone(key)
		return reconcile.Result{}, nil
	}
	return result, err
}

// begin makes up for the sweep that a connection which was only proven has not had.
func (m *memory) begin(s shard.Stage) {
	if m.proving && s == shard.Serving {
		m.dueSweep()
	}
	m.proving = s == shard.Proving
}

// onlyProven reports whether the proof of the credential was all there was to do: once the status tells of it, every
// instance knows who serves the Organization.
func (m *memory) onlyProven(now time.Time) bool {
	if !m.proving || m.access == nil {
		return false
	}
	m.settle()
	m.sweepAt = now.Add(firstRetry)
	return true
}

// Turn says whether the claims in an Organization are this instance's to work on now. The context ends when they cease to
// be; the function is to be called in the end.
func (r *Registry) Turn(ctx context.Context, host, organization string) (context.Context, context.CancelFunc, shard.Turn) {
	return r.shard.Organization(ctx, shard.Organization{Host: host, ID: organization})
}

// Speaks reports whether it is this instance that tells an object which refers to the connection how it stands with the
// Organization. Both are empty for one whose connection does not exist and that holds nothing.
func (r *Registry) Speaks(host, organization string, through Key) bool {
	return r.shard.Speaks(shard.Organization{Host: host, ID: organization}, shard.Key(through))
}

// share has the registry know at any time which connections are this instance's. A replica that waits for the lease
// knows it as well.
func (r *Registry) share(mgr ctrl.Manager, t *shard.Tracker) error {
	r.shard = t
	t.Listen(func(k shard.Key) { r.unauthorized[k.Kind].put(Key(k)) })
	known := followed{tracker: t}
	for _, kind := range []client.Object{&v1alpha1.AstroConnection{}, &v1alpha1.ClusterAstroConnection{}} {
		informer, err := mgr.GetCache().GetInformer(context.Background(), kind)
		if err != nil {
			return fmt.Errorf("follow the connections: %w", err)
		}
		registration, err := informer.AddEventHandler(followers(t))
		if err != nil {
			return fmt.Errorf("follow the connections: %w", err)
		}
		known.handlers = append(known.handlers, registration.HasSynced)
	}
	return mgr.Add(known)
}

func followers(t *shard.Tracker) toolscache.ResourceEventHandler {
	set := func(o any) {
		if c, ok := o.(v1alpha1.Connection); ok {
			t.Set(c)
		}
	}
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc:    set,
		UpdateFunc: func(_, o any) { set(o) },
		DeleteFunc: func(o any) {
			if unseen, ok := o.(toolscache.DeletedFinalStateUnknown); ok {
				o = unseen.Obj
			}
			if c, ok := o.(v1alpha1.Connection); ok {
				t.Delete(c)
			}
		},
	}
}

// followed tells the tracker when it knows all that there was at the start.
type followed struct {
	tracker  *shard.Tracker
	handlers []toolscache.InformerSynced
}

// Start implements manager.Runnable.
func (f followed) Start(ctx context.Context) error {
	if toolscache.WaitForCacheSync(ctx.Done(), f.handlers...) {
		f.tracker.Synced()
	}
	return nil
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (followed) NeedLeaderElection() bool { return false }
