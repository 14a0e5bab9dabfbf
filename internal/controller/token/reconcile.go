package token

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/refusal"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/journal"
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
	permit, done := r.patience.take()
	defer done()
	if key.Token == "" {
		return r.reconcileUnresolved(permit.of(astro.Together(ctx, new(astro.Seconds)), g), g)
	}
	return r.reconcileToken(ctx, g, permit)
}

// reconcileToken works on a token whose id is known, with those that name it.
func (r *Reconciler) reconcileToken(ctx context.Context, g group, permit permit) (reconcile.Result, error) {
	over := r.handed.over(g.key)
	left := r.looks.take(g.key)
	looking := astro.Together(ctx, left) // what is looked up here is remembered, so that work goes on next time; a write is not given up halfway
	observation := r.observe(permit.of(looking, g), g)
	g, err := r.gatherNamed(permit.of(looking, g), g, observation)
	if err != nil {
		return reconcile.Result{}, err
	}
	looking, ctx = permit.of(looking, g), permit.of(ctx, g)
	if len(g.bindings) == len(g.doubtful) {
		return r.leave(ctx, g, over, observation)
	}
	if wait, behind := r.ownWrites.cacheBehind(g.bindings); behind {
		return reconcile.Result{RequeueAfter: wait}, nil
	}
	if !r.enter(g) {
		r.looks.keep(g.key, left)
		return reconcile.Result{}, nil
	}
	observation = r.observeThrough(looking, g, observation)
	situation := r.situation(looking, g, observation)
	if situation.Token.ByID {
		r.auditSeen(ctx, g.key, situation.Token.Token)
	}
	progress, waits := r.carryOut(ctx, g, decision.Begin(situation))
	if waits {
		r.looks.keep(g.key, left)
		return reconcile.Result{}, nil
	}
	r.memory.keep(g.key, progress.Situation.Memory)
	r.line.Served(g.key)
	if g.unsure != nil { // what the others are to be told or given does not wait for those that name the token
		progress = progress.Retry(g.unsure)
	}
	r.handBack(ctx, g.key, over, progress)
	return r.result(progress, observation.again(g))
}

// leave forgets a token that no binding speaks of, unless it is not known who does.
func (r *Reconciler) leave(ctx context.Context, g group, over map[types.UID]handedOver, o observation) (reconcile.Result, error) {
	if g.unsure != nil {
		return r.result(decision.Progress{}.Retry(g.unsure), 0)
	}
	r.memory.forget(g.key)
	r.line.Served(g.key)
	r.handBack(ctx, g.key, over, decision.Progress{Situation: decision.Situation{Token: o.Observation, Bindings: g.bindings}})
	return reconcile.Result{}, nil
}

// situation is what there is to decide on.
func (r *Reconciler) situation(ctx context.Context, g group, o observation) decision.Situation {
	s := decision.Situation{
		Key: g.key.decision(), Now: r.Clock(), Began: r.leads(), Bindings: g.bindings, Token: o.Observation, Memory: r.memory.of(g.key),
	}
	s.Bindings = r.lookUp(ctx, g, s)
	for uid, err := range g.doubtful {
		s = s.Doubting(uid, err)
	}
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
		p.Wake = earlier(p.Wake, r.shares.requests.ask(b, r.Clock()).wait)
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

// carryOut performs the effects that the protocol asks for, one after the other, until there is nothing more to do. Where
// Astro is to be written, nothing is done before the token has leave to: it waits.
func (r *Reconciler) carryOut(ctx context.Context, g group, p decision.Progress) (now decision.Progress, waits bool) {
	if through := p.Writes(); through != "" && !r.mayWrite(ctx, g, through) {
		return p, true
	}
	for {
		switch e := decision.Next(p).(type) {
		case nil:
			return p, false
		case decision.ReadForWrite:
			p = r.replaceRoles(ctx, g, p, e)
		case decision.Read:
			p = decision.After(p, e, r.readToken(ctx, g, e))
		case decision.AddFinalizers:
			p = decision.After(p, e, r.addFinalizers(ctx, g, p, e))
		case decision.WriteJournal:
			p = decision.After(p, e, r.writeJournal(ctx, g, p, e))
		case decision.Withdraw:
			p = decision.After(p, e, decision.Stored{Err: r.journal().Withdraw(ctx, g.key.journal(), e.Bindings...)})
		case decision.Diagnose:
			p = decision.After(p, e, r.diagnose(ctx, g, p, e))
		case decision.Report:
			p = decision.After(p, e, r.report(ctx, g, e, p.AuditReport(e)))
		case decision.Clear:
			r.journal().Clear(g.key.journal(), e.Bindings...)
			p = decision.After(p, e, decision.Stored{})
		default:
			p.Errs = append(p.Errs, fmt.Errorf("no way to perform %T here", e))
			return p, false
		}
	}
}

// readToken reads the token by id.
func (r *Reconciler) readToken(ctx context.Context, g group, e decision.Read) decision.TokenRead {
	h, asked := g.handles[e.Through], r.Clock()
	t, err := read(ctx, h, g.key.Token)
	switch {
	case err == nil:
		r.Registry.Record(h, t, asked)
		r.auditSeen(ctx, g.key, t)
	case errors.Is(err, astro.ErrNotFound): // the listing is behind: without its row the next look asks by id, and for proof
		r.Registry.Forget(h, g.key.Token, r.Clock())
	default:
		r.reportUnauthorized(h, err)
	}
	return decision.TokenRead{Token: t, Err: err, Now: r.Clock()}
}

// writeJournal stores the claims that are about to be written to Astro.
func (r *Reconciler) writeJournal(ctx context.Context, g group, p decision.Progress, e decision.WriteJournal) decision.Stored {
	entries := make([]journal.Entry, 0, len(e.Claims))
	for i := range p.Situation.Bindings {
		b := &p.Situation.Bindings[i]
		if claim, is := e.Claims[b.Object.UID]; is {
			entries = append(entries, entryOf(b.Object, claim, b.Retains()))
		}
	}
	if err := r.journal().Write(ctx, g.key.journal(), entries...); err != nil {
		refusal.Count(refusal.Journal, err)
		return decision.Stored{Err: fmt.Errorf("write the journal: %w", err)}
	}
	return decision.Stored{}
}
