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

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/index"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/refusal"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
)

// patches is how many bindings of one token are patched at a time. More only queue up in the API server, where they hold
// up those of other tokens.
const patches = 4

// patchStatus writes the status if it differs, and tells of changes by event. It is for the very object that was looked
// at: another one may have been made under its name meanwhile, and would take the ids in the status for its own.
func (r *Reconciler) patchStatus(ctx context.Context, g group, st decision.Statement) (*v1alpha1.ScopedTokenBinding, error) {
	before, now := statusOnly(st.Object, st.Object.Status), statusOnly(st.Object, toTry(st))
	if equality.Semantic.DeepEqual(before.Status, now.Status) {
		return st.Object, nil
	}
	after, tries := st.Object.DeepCopy(), saysDropped(now.Status)
	after.Status = now.Status
	// One that only names its token again goes under another key.
	handled := !tries && (pin.TokenValue(after) == pin.TokenValue(st.Object) || pin.TokenID(after) != "")
	if handled {
		r.ownWrites.begin(st.UID, g.notices)
		defer r.ownWrites.end(st.UID)
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Status().Patch(ctx, now, patch); err != nil {
		return nil, err
	}
	if takes(st) && now.Status.Claim == nil {
		return nil, r.tellDropped(ctx, now, st)
	}
	after.ResourceVersion, after.Status = now.ResourceVersion, now.Status
	r.ownWrites.expect(after, handled, g.notices)
	r.eventReported(before, after, st)
	countDrift(st.Object, after)
	return after, nil
}

// patchFinalizer patches under the condition that nobody changed the object meanwhile, because a merge patch replaces the
// whole list of finalizers. It returns the object as patched; the one given is not changed.
func (r *Reconciler) patchFinalizer(
	ctx context.Context, g group, b *v1alpha1.ScopedTokenBinding, change func(client.Object, string) bool,
) (*v1alpha1.ScopedTokenBinding, error) {
	before := metadataOf(b)
	now := before.DeepCopy()
	if !change(now, v1alpha1.FinalizerRevoke) {
		return b, nil
	}
	if err := r.Client.Patch(ctx, now, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return nil, err
	}
	if change(now.DeepCopy(), v1alpha1.FinalizerRevoke) {
		return nil, &fault.DroppedError{What: "the change of its finalizers"}
	}
	patched := b.DeepCopy()
	patched.ObjectMeta = now.ObjectMeta
	index.Strip(patched, nil)
	r.ownWrites.expect(patched, true, g.notices)
	return patched, nil
}

// metadataOf is what of a binding a patch of its finalizers is made from. Patches are differences of JSON, and the rest of
// the object is the larger part of it.
func metadataOf(b *v1alpha1.ScopedTokenBinding) *v1alpha1.ScopedTokenBinding {
	return &v1alpha1.ScopedTokenBinding{ObjectMeta: metav1.ObjectMeta{
		Namespace: b.Namespace, Name: b.Name, ResourceVersion: b.ResourceVersion, Finalizers: b.Finalizers,
	}}
}

// addFinalizers adds the finalizer to bindings, side by side. Each patch is for the very object that was looked at.
func (r *Reconciler) addFinalizers(ctx context.Context, g group, p decision.Progress, e decision.AddFinalizers) decision.Patched {
	result := decision.Patched{Objects: map[types.UID]decision.Binding{}, Gone: map[types.UID]bool{}, Errs: map[types.UID]error{}}
	objects := objectsOf(p.Situation.Bindings)
	var work errgroup.Group
	work.SetLimit(patches)
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
				refusal.Count(refusal.Metadata, err)
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
