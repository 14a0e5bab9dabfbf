package token

import (
	"context"
	"errors"
	"fmt"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/refusal"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/journal"
)

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
