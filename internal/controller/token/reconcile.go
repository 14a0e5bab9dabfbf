package token

import (
	"context"
	"errors"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

// Reconcile works on one key: gather what is declared, observe what Astro holds, decide, carry it out and report. It never
// returns a terminal error: what is wrong with one binding shows on that binding. A token that has to wait for its
// credential is left alone until it is called, and is then worked on from the start.
func (r *Reconciler) Reconcile(ctx context.Context, key TokenKey) (reconcile.Result, error) {
	if !r.line.Begin(key) {
		return reconcile.Result{}, nil
	}
	defer func() { r.wakeUp(ctx, r.line.Leave(key)) }()
	if wait := r.pace.left(key); wait > 0 {
		return reconcile.Result{RequeueAfter: wait}, nil
	}
	g, err := r.gather(ctx, key)
	if err != nil {
		return reconcile.Result{}, err
	}
	if wait, behind := r.ownWrites.cacheBehind(g.bindings); behind {
		return reconcile.Result{RequeueAfter: wait}, nil
	}
	if !r.enter(g) {
		return reconcile.Result{}, nil
	}
	if key.Token == "" {
		return r.reconcileUnresolved(ctx, g)
	}
	observation := r.observe(ctx, g)
	if g, err = r.gatherNamed(ctx, g, observation); err != nil {
		return reconcile.Result{}, err
	}
	if len(g.bindings) == 0 && g.unsure != nil {
		return reconcile.Result{}, g.unsure
	}
	if len(g.bindings) == 0 {
		r.memory.forget(key)
		r.line.Served(key)
		return reconcile.Result{}, nil
	}
	if wait, behind := r.ownWrites.cacheBehind(g.bindings); behind {
		return reconcile.Result{RequeueAfter: wait}, nil
	}
	if !r.enter(g) {
		return reconcile.Result{}, nil
	}
	observation = r.observeThrough(ctx, g, observation)
	situation := r.situation(ctx, g, observation)
	if situation.Token.ByID {
		r.auditSeen(ctx, key, situation.Token.Token)
	}
	progress, waits := r.carryOut(ctx, g, decision.Begin(situation))
	if waits {
		return reconcile.Result{}, nil
	}
	r.memory.keep(key, progress.Situation.Memory)
	r.line.Served(key)
	if g.unsure != nil { // what the others are to be told or given does not wait for those that name the token
		progress.Errs = append(progress.Errs, g.unsure)
	}
	return r.result(progress, observation.again(g))
}

// situation is what there is to decide on.
func (r *Reconciler) situation(ctx context.Context, g group, o observation) decision.Situation {
	s := decision.Situation{
		Key: g.key.decision(), Now: r.Clock(), Began: r.leads(), Bindings: g.bindings, Token: o.Observation, Memory: r.memory.of(g.key),
	}
	s.Bindings = r.lookUp(ctx, g, s)
	for i := range s.Bindings { // whether a listing is believed may have changed by a look at the token
		c := &s.Bindings[i].Connection
		c.Distrusts = distrusts(g.handles[c.ID])
	}
	return s
}

// reconcileUnresolved works on bindings whose token is not known, or whose connection does not exist.
func (r *Reconciler) reconcileUnresolved(ctx context.Context, g group) (reconcile.Result, error) {
	bindings, wake := r.lookUpNames(ctx, g)
	progress, handOver := decision.BeginUnresolved(decision.Situation{Key: g.key.decision(), Now: r.Clock(), Bindings: bindings})
	r.handOver(ctx, g, bindings, handOver)
	r.pace.rest(g.key, len(handOver), restPerBinding)
	if g.key.Refused != "" {
		r.pace.rest(g.key, len(g.bindings), restPerRefused)
	}
	progress, _ = r.carryOut(ctx, g, progress)
	r.line.Served(g.key)
	return r.result(progress, wake)
}

// result is what the work queue is told, where besides something is to be looked for again in a while. A retry is an error, a
// wait is a time, and a steady state asks for nothing.
func (r *Reconciler) result(p decision.Progress, again time.Duration) (reconcile.Result, error) {
	if len(p.Errs) > 0 {
		return reconcile.Result{}, errors.Join(p.Errs...)
	}
	p.Wake = earlier(p.Wake, again)
	for i := range p.Situation.Bindings {
		b := &p.Situation.Bindings[i]
		if b.Target.Old {
			p.Wake = earlier(p.Wake, freshEnough) // the target may have been made since
		}
		p.Wake = earlier(p.Wake, r.shares.requests.wait(b, b.Object.Annotations[v1alpha1.AnnotationRequestedAt], time.Now()))
	}
	return reconcile.Result{RequeueAfter: p.Wake}, nil
}

// earlier is the shorter of two waits, of which zero is none.
func earlier(a, b time.Duration) time.Duration {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}
