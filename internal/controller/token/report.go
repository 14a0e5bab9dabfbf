package token

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

// report tells every binding its own result, side by side: a status is written where it differs, and then the finalizer
// goes of those that are let go.
func (r *Reconciler) report(ctx context.Context, g group, e decision.Report) decision.Reported {
	result := decision.Reported{Errs: map[types.UID]error{}}
	var work errgroup.Group
	var mu sync.Mutex
	for _, st := range e.Statements {
		if !st.Write && !st.Release && !st.Orphan {
			continue
		}
		work.Go(func() error {
			if err := r.tell(ctx, g, st); err != nil {
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

func (r *Reconciler) tell(ctx context.Context, g group, st decision.Statement) error {
	if st.Orphan {
		r.finishOrphan(ctx, g, st)
		return nil
	}
	object := st.Object
	if st.Write {
		var err error
		if object, err = r.patchStatus(ctx, g, st); apierrors.IsNotFound(err) && !st.Gives {
			return nil
		} else if err != nil {
			return err // of a binding that is gone, what it was given has to be revoked
		}
	}
	if st.Release {
		return r.letGo(ctx, g, st, object)
	}
	return nil
}

// patchStatus writes the status if it differs, and tells of changes by event. It is for the very object that was looked
// at: another one may have been made under its name meanwhile, and would take the ids in the status for its own.
func (r *Reconciler) patchStatus(ctx context.Context, g group, st decision.Statement) (*v1alpha1.ScopedTokenBinding, error) {
	before, now := statusOnly(st.Object, st.Object.Status), statusOnly(st.Object, st.Status)
	if equality.Semantic.DeepEqual(before.Status, now.Status) {
		return st.Object, nil
	}
	defer r.admission.patch(r.isWaitedFor(g))()
	after := st.Object.DeepCopy()
	after.Status = st.Status
	handled := pin.TokenValue(after) == pin.TokenValue(st.Object) || pin.TokenID(after) != "" // one that only names its token again goes under another key
	if handled {
		r.ownWrites.begin(st.UID)
		defer r.ownWrites.end(st.UID)
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Status().Patch(ctx, now, patch); err != nil {
		return nil, err
	}
	after.ResourceVersion, after.Status = now.ResourceVersion, now.Status
	r.ownWrites.expect(after, handled)
	r.eventReported(before, after, st)
	return after, nil
}

// statusOnly is what a patch of a status is made from.
func statusOnly(b *v1alpha1.ScopedTokenBinding, s v1alpha1.ScopedTokenBindingStatus) *v1alpha1.ScopedTokenBinding {
	return &v1alpha1.ScopedTokenBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: b.Namespace, Name: b.Name, UID: b.UID, ResourceVersion: b.ResourceVersion},
		Status:     s,
	}
}

// letGo takes the finalizer off. That the object is gone already is as good.
func (r *Reconciler) letGo(ctx context.Context, g group, st decision.Statement, object *v1alpha1.ScopedTokenBinding) error {
	r.orphans.release(st.UID)
	if _, err := r.patchFinalizer(ctx, g, object, controllerutil.RemoveFinalizer); client.IgnoreNotFound(err) != nil {
		r.orphans.keep(st.UID)
		return err
	}
	if object.DeletionTimestamp.IsZero() {
		r.orphans.keep(st.UID)
		return nil
	}
	r.eventReleased(st)
	r.ownWrites.forget(st.UID)
	return nil
}

// finishOrphan forgets an orphan once its role is revoked. There is no object to tell anything, so what is in the way is
// logged.
func (r *Reconciler) finishOrphan(ctx context.Context, g group, st decision.Statement) {
	logger := log.FromContext(ctx).WithValues("namespace", st.Object.Namespace, "name", st.Object.Name)
	if !st.Release {
		logger.Info("the role of a binding that is gone without having been let go is not revoked yet")
		return
	}
	logger.Info("finished with a binding that was gone without having been let go", "revoked", st.Revoked)
	r.orphans.remove(g.key, st.UID)
}
