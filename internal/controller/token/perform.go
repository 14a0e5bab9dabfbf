package token

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/journal"
)

// carryOut performs the effects that the protocol asks for, one after the other, until there is nothing more to do.
func (r *Reconciler) carryOut(ctx context.Context, g group, p decision.Progress) decision.Progress {
	for {
		switch e := decision.Next(p).(type) {
		case nil:
			return p
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
			p = decision.After(p, e, r.report(ctx, g, e))
		case decision.Clear:
			r.journal().Clear(g.key.journal(), e.Bindings...)
			p = decision.After(p, e, decision.Stored{})
		default:
			p.Errs = append(p.Errs, fmt.Errorf("no way to perform %T here", e))
			return p
		}
	}
}

// result is what the work queue is told. A retry is an error, a wait is a time, and a steady state asks for nothing.
func (r *Reconciler) result(p decision.Progress) (reconcile.Result, error) {
	if len(p.Errs) > 0 {
		return reconcile.Result{}, errors.Join(p.Errs...)
	}
	return reconcile.Result{RequeueAfter: p.Wake}, nil
}

// readToken reads the token by id.
func (r *Reconciler) readToken(ctx context.Context, g group, e decision.Read) decision.TokenRead {
	h, asked := g.handles[e.Through], r.Clock()
	t, err := read(ctx, h, g.key.Token)
	switch {
	case err == nil:
		r.Registry.Record(h, t, asked)
	case errors.Is(err, astro.ErrNotFound): // the listing is behind: without its row the next look asks by id, and for proof
		r.Registry.Forget(g.key.Host, g.key.Organization, g.key.Token, r.Clock())
	default:
		r.reportUnauthorized(h, err)
	}
	return decision.TokenRead{Token: t, Err: err, Now: r.Clock()}
}

// addFinalizers adds the finalizer to bindings, side by side. Each patch is for the very object that was looked at.
func (r *Reconciler) addFinalizers(ctx context.Context, g group, p decision.Progress, e decision.AddFinalizers) decision.Patched {
	result := decision.Patched{Objects: map[types.UID]decision.Binding{}, Gone: map[types.UID]bool{}, Errs: map[types.UID]error{}}
	objects := objectsOf(p.Situation.Bindings)
	var work errgroup.Group
	var mu sync.Mutex
	for _, uid := range e.Bindings {
		work.Go(func() error {
			patched, err := r.patchFinalizer(ctx, g, objects[uid], controllerutil.AddFinalizer)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case apierrors.IsNotFound(err):
				result.Gone[uid] = true
			case err != nil:
				result.Errs[uid] = fmt.Errorf("add the finalizer of %s/%s: %w", objects[uid].Namespace, objects[uid].Name, err)
			default:
				result.Objects[uid] = decision.Binding{Object: patched}
			}
			return nil
		})
	}
	_ = work.Wait() // what goes wrong is part of the result
	return result
}

func objectsOf(bindings []decision.Binding) map[types.UID]*v1alpha1.ScopedTokenBinding {
	all := make(map[types.UID]*v1alpha1.ScopedTokenBinding, len(bindings))
	for i := range bindings {
		all[bindings[i].Object.UID] = bindings[i].Object
	}
	return all
}

// patchFinalizer patches under the condition that nobody changed the object meanwhile, because a merge patch replaces the
// whole list of finalizers. It returns the object as patched; the one given is not changed.
func (r *Reconciler) patchFinalizer(
	ctx context.Context, g group, b *v1alpha1.ScopedTokenBinding, change func(client.Object, string) bool,
) (*v1alpha1.ScopedTokenBinding, error) {
	defer r.admission.patch(r.isWaitedFor(g))()
	before := metadataOf(b)
	now := before.DeepCopy()
	if !change(now, v1alpha1.FinalizerRevoke) {
		return b, nil
	}
	if err := r.Client.Patch(ctx, now, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return nil, err
	}
	patched := b.DeepCopy()
	patched.ObjectMeta = now.ObjectMeta
	patched.ManagedFields = nil
	r.ownWrites.expect(patched, true)
	return patched, nil
}

// metadataOf is what of a binding a patch of its finalizers is made from. Patches are differences of JSON, and the rest of
// the object is the larger part of it.
func metadataOf(b *v1alpha1.ScopedTokenBinding) *v1alpha1.ScopedTokenBinding {
	return &v1alpha1.ScopedTokenBinding{ObjectMeta: metav1.ObjectMeta{
		Namespace: b.Namespace, Name: b.Name, ResourceVersion: b.ResourceVersion, Finalizers: b.Finalizers,
	}}
}

// writeJournal stores the claims that are about to be written to Astro.
func (r *Reconciler) writeJournal(ctx context.Context, g group, p decision.Progress, e decision.WriteJournal) decision.Stored {
	entries := make([]journal.Entry, 0, len(e.Claims))
	for i := range p.Situation.Bindings {
		b := &p.Situation.Bindings[i]
		if claim, is := e.Claims[b.Object.UID]; is {
			entries = append(entries, entryOf(b.Object, claim))
		}
	}
	if err := r.journal().Write(ctx, g.key.journal(), entries...); err != nil {
		return decision.Stored{Err: fmt.Errorf("write the journal: %w", err)}
	}
	return decision.Stored{}
}
