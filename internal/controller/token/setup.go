package token

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/admission"
	"github.com/scopedtoken/scopedtoken-operator/internal/audit"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/quota"
	"github.com/scopedtoken/scopedtoken-operator/internal/journal"
)

// defaultConcurrency is how many tokens are worked on side by side. A worker waits for Astro most of the time.
const defaultConcurrency = 16

// Options are what the controller of tokens needs.
type Options struct {
	// Registry tells what is known of the connections.
	Registry *connection.Registry
	// Journal opens the write-ahead log of claims. It is called once this replica leads, before any token is worked on.
	Journal func(context.Context) (*journal.Journal, error)
	// Concurrency is how many tokens are worked on side by side; 16 if zero.
	Concurrency int
	// Recorder takes events.
	Recorder events.EventRecorder
	// Audit takes what the audit log is to say; nothing is written if nil.
	Audit *audit.Log
	// Namespaces are those whose bindings are seen; all if there is none. If there are any, nobody knows what no binding declares.
	Namespaces []string
	// Clock is the time; time.Now if nil.
	Clock func() time.Time
}

// SetupWithManager adds the controller, and returns it for whoever has roles removed. The fields of package index have to be registered.
func SetupWithManager(mgr ctrl.Manager, o Options) (*Reconciler, error) {
	r := newReconciler(mgr, o)
	err := builder.TypedControllerManagedBy[TokenKey](mgr).
		Named("token").
		Watches(&v1alpha1.ScopedTokenBinding{}, r.bindingHandler(), builder.WithPredicates(edited{})).
		Watches(&v1alpha1.AstroConnection{}, r.connectionHandler(), builder.WithPredicates(cameOrWent)).
		Watches(&v1alpha1.ClusterAstroConnection{}, r.connectionHandler(), builder.WithPredicates(cameOrWent)).
		WatchesRawSource(source.TypedChannel(o.Registry.Subscribe(), r.noticeHandler())).
		WatchesRawSource(source.TypedChannel(r.found, foundHandler())).
		WatchesRawSource(source.TypedFunc[TokenKey](func(ctx context.Context, q queue) error { return r.openJournal(ctx, o, q) })).
		WithLogConstructor(logConstructor(mgr.GetLogger())).
		WithOptions(controller.TypedOptions[TokenKey]{MaxConcurrentReconciles: o.concurrency(), RateLimiter: connection.Backoff[TokenKey]()}).
		Complete(r)
	if err != nil {
		return nil, fmt.Errorf("set up the controller of tokens: %w", err)
	}
	if err := mgr.Add(manager.RunnableFunc(r.flushJournal)); err != nil {
		return nil, fmt.Errorf("set up the end of the journal: %w", err)
	}
	return r, r.showCounts(mgr)
}

// openJournal reads the journals before any worker begins: what an earlier process was about to give counts from the
// start. Every token of which there is an entry is looked at.
func (r *Reconciler) openJournal(ctx context.Context, o Options, q queue) error {
	j, err := o.Journal(ctx)
	if err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	j.Owns(func(e journal.Entry) bool {
		return r.watches(e.Namespace) && r.ownsThrough(ctx, connection.KeyFor(e.Namespace, connectionRef(e)))
	})
	r.led.Store(new(r.Clock()))
	r.opened.Store(j)
	for _, k := range j.Tokens() {
		add(q, tokenKey(k.Host, k.Organization, k.Token), sweepPriority)
	}
	return nil
}

// flushJournal writes down at the end what is cleared, so that the next start need not look into it. The manager waits for it before it
// gives the lease back, without which nothing is written.
func (r *Reconciler) flushJournal(ctx context.Context) error {
	<-ctx.Done()
	last, done := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer done()
	if j := r.journal(); j != nil {
		if err := j.Flush(last); err != nil {
			log.FromContext(ctx).Error(err, "the journal holds entries that nobody needs any more")
		}
	}
	return nil
}

// flushTimeout is how long the last write of the journal may take.
const flushTimeout = 3 * time.Second

func (o Options) concurrency() int {
	if o.Concurrency > 0 {
		return o.Concurrency
	}
	return defaultConcurrency
}

func newReconciler(mgr ctrl.Manager, o Options) *Reconciler {
	r := &Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Registry: o.Registry, Recorder: o.Recorder, Clock: o.Clock, Namespaces: o.Namespaces,
		memory: newMemory(), ownWrites: newOwnWrites(), pace: newPace(), handed: newHanded(), ahead: newAhead(),
		found: make(chan event.TypedGenericEvent[finding]), patience: make(patience, max(1, o.concurrency()/2)),
		begun: time.Now().Add(-time.Second),
		shares: shares{
			edits: quota.New(editsPerSecond, editBurst), reads: quota.New(readsPerSecond, readBurst),
			requests: newRequests(),
		},
	}
	r.orphans = newOrphans(r.stillThere, r.isJournaled)
	o.Registry.SetWork(r)
	if r.Clock == nil {
		r.Clock = time.Now
	}
	if o.Audit != nil {
		r.Audit = audit.NewTrail(o.Audit, r.Clock)
	}
	r.line = admission.NewLine[TokenKey, credential](max(1, o.concurrency()/2), time.Now)
	return r
}

// logConstructor puts the key into every log line of a reconcile. There is none while the controller starts.
func logConstructor(base logr.Logger) func(*TokenKey) logr.Logger {
	return func(key *TokenKey) logr.Logger {
		logger := base.WithValues("controller", "token")
		if key == nil {
			return logger
		}
		return logger.WithValues("token", key.String())
	}
}
