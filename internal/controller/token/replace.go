package token

import (
	"context"
	"errors"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/audit"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// write is one use of a write slot: a read of the token and, if the protocol still asks for it on what was read and on the
// bindings as they are by then, a write that follows at once.
type write struct {
	reconciler *Reconciler
	group      group
	handle     connection.Handle

	progress decision.Progress
	post     *decision.Post // the last one that may have reached Astro
	posting  bool           // it is what the last read led to
	audited  []audit.Entry  // what the audit log says of it
	looked   bool
}

// replaceRoles waits for a write slot and uses it. astro.Client.UpdateRoles takes the slot, reads, asks what to write, and
// does all of it again where a write had no answer.
func (r *Reconciler) replaceRoles(ctx context.Context, g group, p decision.Progress, e decision.ReadForWrite) decision.Progress {
	w := &write{reconciler: r, group: g, handle: g.handles[e.Through], progress: p}
	asked := r.Clock()
	update, err := w.handle.Client.UpdateRoles(ctx, g.key.Token, func(fresh astro.Token) ([]astro.Role, bool) {
		asked = r.Clock()
		return w.decide(ctx, e, fresh)
	}, func(a astro.Attempt) { w.auditSent(ctx, a) })
	r.reportUnauthorized(w.handle, err)
	switch {
	case err != nil && (!w.looked || !w.posting):
		if errors.Is(err, astro.ErrNotFound) {
			r.Registry.Forget(w.handle, g.key.Token, r.Clock())
		}
		return decision.After(w.progress, e, decision.TokenRead{Err: err, Now: r.Clock()})
	case err != nil:
		return decision.After(w.progress, *w.post, decision.Replaced{Err: err, Now: r.Clock()})
	}
	w.record(update, asked)
	if w.post != nil && (w.posting || update.Written) {
		replacements.Inc()
		countChanges(w.handle.Key, w.post.Changes)
		log.FromContext(ctx).Info("replaced roles", "changes", len(w.post.Changes), "confirmed", update.Confirmed)
		return decision.After(decision.Sending(w.progress, *w.post), *w.post, decision.Replaced{Update: update, Now: r.Clock()})
	}
	return decision.Close(w.progress)
}

// decide is asked with the token as it was just read. What was decided before the wait for the slot does not count, nor what was
// decided on a connection that has been edited since the cache has seen it.
func (w *write) decide(ctx context.Context, e decision.ReadForWrite, fresh astro.Token) ([]astro.Role, bool) {
	r := w.reconciler
	w.looked, w.posting = true, false
	r.auditSeen(ctx, w.group.key, fresh)
	r.wakeUp(ctx, r.line.Slot(w.group.key))
	bindings, err := r.withoutOver(ctx, w.group.key, fresh, w.progress.Situation.Bindings)
	if err == nil {
		bindings, err = r.refresh(ctx, bindings)
	}
	if err != nil {
		w.progress = decision.After(w.progress, e, decision.TokenRead{Err: err, Now: r.Clock()})
		return nil, false
	}
	read := decision.TokenRead{Token: fresh, Bindings: w.withoutElsewhere(bindings), Now: r.Clock(), Credential: w.handle.SelfID}
	read.CredentialOf, read.Protected = r.credentialOf(ctx, w.group.key)
	w.progress = decision.After(w.progress, e, read)
	for now := r.asOfNow(); w.stands(ctx, e, read, now); {
		switch next := decision.Next(w.progress).(type) {
		case decision.MayRevoke:
			w.progress = decision.After(w.progress, next, w.mayRevoke(next))
		case decision.Post:
			w.post, w.posting = &next, true
			w.progress = decision.Sending(w.progress, next)
			return next.Roles, true
		default:
			return nil, false
		}
	}
	return nil, false
}

// stands reports whether there is something to be written, or to be asked about first, after a look at what the connections say by now.
// What is decided anew may act for others, whose connections are looked at as well: each once.
func (w *write) stands(ctx context.Context, e decision.ReadForWrite, read decision.TokenRead, now *asOfNow) bool {
	for {
		switch decision.Next(w.progress).(type) {
		case decision.MayRevoke, decision.Post:
		default:
			return false
		}
		changed, err := now.recheck(ctx, w.progress)
		switch {
		case err != nil:
			w.progress = decision.After(w.progress, e, decision.TokenRead{Unchecked: err, Now: w.reconciler.Clock()})
			return false
		case !changed:
			return true
		}
		read.Bindings = now.of(read.Bindings)
		w.progress = decision.After(w.progress, e, read)
	}
}

// withoutElsewhere are the bindings without those that have got a claim on another token meanwhile, because a name has passed from one
// to the other. What was entered for them here was not sent.
func (w *write) withoutElsewhere(all []decision.Binding) []decision.Binding {
	return slices.DeleteFunc(all, func(b decision.Binding) bool {
		uid := b.Object.UID
		if b.Claim != nil || w.progress.Situation.Pending[uid].Sent || !w.reconciler.claimedElsewhere(w.group.key, b.Object) {
			return false
		}
		w.reconciler.journal().Clear(w.group.key.journal(), uid)
		return true
	})
}

// mayRevoke asks the revocation limit about each removal by itself, and has it counted if it says yes.
func (w *write) mayRevoke(e decision.MayRevoke) decision.Permitted {
	p := decision.Permitted{Targets: map[roleset.Target]bool{}}
	for _, t := range e.Targets {
		p.Targets[t] = w.reconciler.Registry.MayRevoke(w.group.handles[e.Through].Key, e.Namespaces[t], w.group.key.Token+"/"+string(t.Kind)+"/"+t.ID)
	}
	return p
}

// record lays what Astro shows after an update over the listings: as read at the time, or as just written. What was sent
// and is not shown is no row: without its roles, the next look asks by id.
func (w *write) record(u astro.Update, asked time.Time) {
	r, key := w.reconciler, w.group.key
	switch {
	case u.Written && !u.Confirmed:
		r.Registry.ForgetRoles(key.Host, key.Organization, key.Token, r.Clock())
	case u.Written:
		r.Registry.Record(w.handle, u.After, r.Clock())
	default:
		r.Registry.Record(w.handle, u.After, asked)
	}
}

// auditSent writes what became of a set that was sent, before anything else is done with the answer.
func (w *write) auditSent(ctx context.Context, a astro.Attempt) {
	entries := w.progress.Audit(*w.post, a)
	var err error
	if a.Again {
		for i := range entries {
			entries[i].ID = w.audited[i].ID
		}
		err = w.reconciler.Audit.Confirmed(entries...)
	} else {
		w.audited, err = w.reconciler.Audit.Sent(entries...)
	}
	auditFailed(ctx, err)
}
