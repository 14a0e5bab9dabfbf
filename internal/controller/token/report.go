package token

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/audit"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

// report tells every binding its own result, side by side: a status is written where it differs, and then the finalizer
// goes of those that are let go. said is what the audit log says of it, by binding.
func (r *Reconciler) report(ctx context.Context, g group, e decision.Report, said map[types.UID]audit.Entry) decision.Reported {
	result := decision.Reported{Errs: map[types.UID]error{}}
	var work errgroup.Group
	work.SetLimit(patches)
	var mu sync.Mutex
	for _, st := range e.Statements {
		if !st.Write && !st.Release && !st.Orphan {
			continue
		}
		work.Go(func() error {
			if err := r.tell(ctx, g, st, said); err != nil {
				mu.Lock()
				defer mu.Unlock()
				result.Errs[st.UID] = fmt.Errorf("report on %s/%s: %w", st.Object.Namespace, st.Object.Name, err)
			}
			return nil
		})
	}
	_ = work.Wait() // errors are in the result
	return result
}

func (r *Reconciler) tell(ctx context.Context, g group, st decision.Statement, said map[types.UID]audit.Entry) error {
	if st.Orphan {
		r.finishOrphan(ctx, g, st)
		r.auditStayed(ctx, said, st.UID)
		return nil
	}
	object := st.Object
	if st.Write {
		var err error
		if object, err = r.patchStatus(ctx, g, st); apierrors.IsNotFound(err) && !st.Gives && !takes(st) {
			return nil
		} else if err != nil {
			r.eventRefused(st, err)
			return err // of a binding that is gone, what it was given has to be revoked, and nobody may count on its claim
		}
		r.auditStayed(ctx, said, st.UID)
	}
	if !st.Release {
		return nil
	}
	released, err := r.release(ctx, g, st, object)
	if released && !st.Write { // else it was told when the status gave the claim up
		r.auditStayed(ctx, said, st.UID)
	}
	return err
}

// release takes the finalizer off. That the object is gone already is as good, and was told when it went: the cache may show
// it for a while.
func (r *Reconciler) release(ctx context.Context, g group, st decision.Statement, object *v1alpha1.ScopedTokenBinding) (released bool, err error) {
	r.orphans.release(st.UID, r.Clock())
	holds := controllerutil.ContainsFinalizer(object, v1alpha1.FinalizerRevoke)
	_, err = r.patchFinalizer(ctx, g, object, controllerutil.RemoveFinalizer)
	if err != nil && !apierrors.IsNotFound(err) {
		r.orphans.keep(st.UID)
		r.eventReleaseRefused(st, err)
		return false, err
	}
	released = holds && err == nil
	if object.DeletionTimestamp.IsZero() {
		r.orphans.keep(st.UID)
		if released && st.Left && st.Object.Spec.Mode == v1alpha1.ModeObserve { // a condition may say the same as before
			r.event(st.Object, corev1.EventTypeNormal, eventReleased, "Release", "only observes, and gave its claim up; the role in Astro is left as it is")
		}
		return released, nil
	}
	if released {
		r.eventReleased(st)
	}
	r.ownWrites.forget(st.UID)
	return released, nil
}

// finishOrphan forgets an orphan once its role is revoked. There is no object to tell anything, so what is in the way is
// logged.
func (r *Reconciler) finishOrphan(ctx context.Context, g group, st decision.Statement) {
	if st.Undeclared {
		r.finishRemoval(ctx, g, st)
		return
	}
	logger := log.FromContext(ctx).WithValues("namespace", st.Object.Namespace, "name", st.Object.Name)
	if !st.Release {
		logger.Info("the role of a binding that is gone without having been let go is not revoked yet", "why", st.Why)
		return
	}
	logger.Info("finished with a binding that was gone without having been let go", "revoked", st.Revoked)
	if st.Missed {
		r.orphans.missed(st.Object)
	}
	r.orphans.remove(g.key, st.UID)
}
