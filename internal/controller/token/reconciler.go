package token

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/journal"
)

// +kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=scopedtokenbindings,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=scopedtokenbindings/status,verbs=patch
// +kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=astroconnections,verbs=list;watch
// +kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=clusterastroconnections,verbs=list;watch,roleName=manager-cluster-role
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=list;watch,roleName=manager-cluster-role
// +kubebuilder:rbac:groups="",namespace=system,resources=configmaps,verbs=get;list;create;update
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch,roleName=manager-cluster-role

// Reconciler makes one token at a time hold what its bindings declare.
type Reconciler struct {
	Client   client.Client
	Live     client.Reader // never a cache
	Registry *connection.Registry
	Recorder events.EventRecorder
	Clock    func() time.Time

	opened    atomic.Pointer[journal.Journal] // the write-ahead log of claims, once this replica leads
	led       atomic.Pointer[time.Time]       // since when
	memory    *memory
	ownWrites *ownWrites
	orphans   *orphans
	admission *admission
	events    *rate.Limiter
	found     chan event.TypedGenericEvent[finding]

	begun time.Time // when the operator began, as the API server's times tell it, which know no parts of a second
}

// journal is the write-ahead log of claims. No worker begins before it is open.
func (r *Reconciler) journal() *journal.Journal { return r.opened.Load() }

// leads is since when this replica leads. A write of the one before may arrive for some seconds after.
func (r *Reconciler) leads() time.Time { return *r.led.Load() }

// Reconcile works on one key: gather what is declared, observe what Astro holds, decide, carry it out and report. It never
// returns a terminal error: what is wrong with one binding shows on that binding.
func (r *Reconciler) Reconcile(ctx context.Context, key TokenKey) (reconcile.Result, error) {
	r.admission.Dequeued(key)
	defer func() { r.wakeUp(ctx, r.admission.Leave(key)) }()
	g, err := r.gather(ctx, key)
	if err != nil {
		return reconcile.Result{}, err
	}
	if wait, behind := r.ownWrites.cacheBehind(g.bindings); behind {
		return reconcile.Result{RequeueAfter: wait}, nil
	}
	if len(g.bindings) > 0 && !r.admit(ctx, g) {
		return reconcile.Result{}, nil
	}
	if key.Token == "" {
		return r.reconcileUnresolved(ctx, g)
	}
	observation := r.observe(ctx, g)
	if g, err = r.gatherNamed(ctx, g, observation); err != nil {
		return reconcile.Result{}, err
	}
	if len(g.bindings) == 0 {
		r.memory.forget(key)
		return reconcile.Result{}, nil
	}
	if wait, behind := r.ownWrites.cacheBehind(g.bindings); behind {
		return reconcile.Result{RequeueAfter: wait}, nil
	}
	if !r.admit(ctx, g) {
		return reconcile.Result{}, nil
	}
	situation := r.situation(ctx, g, r.observeThrough(ctx, g, observation))
	progress := r.carryOut(ctx, g, decision.Begin(situation))
	r.memory.keep(key, progress.Situation.Memory)
	r.admission.Served(key)
	return r.result(progress)
}

// situation is what there is to decide on.
func (r *Reconciler) situation(ctx context.Context, g group, o observation) decision.Situation {
	s := decision.Situation{
		Key: g.key.decision(), Now: r.Clock(), Began: r.leads(), Bindings: g.bindings, Token: o.Observation, Memory: r.memory.of(g.key),
	}
	s.Bindings = r.lookUp(ctx, g, s)
	return s
}

// reconcileUnresolved works on bindings whose token is not known, or whose connection does not exist.
func (r *Reconciler) reconcileUnresolved(ctx context.Context, g group) (reconcile.Result, error) {
	bindings, wake := r.lookUpNames(ctx, g)
	progress, handOver := decision.BeginUnresolved(decision.Situation{Key: g.key.decision(), Now: r.Clock(), Bindings: bindings})
	r.handOver(ctx, g, bindings, handOver)
	progress = r.carryOut(ctx, g, progress)
	if wake > 0 && (progress.Wake == 0 || wake < progress.Wake) {
		progress.Wake = wake
	}
	r.admission.Served(g.key)
	return r.result(progress)
}
