package main

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// alone is what the API server needs by itself, with nobody else at work.
type alone struct {
	creates time.Duration
	writes  time.Duration // two patches a binding: metadata and status
}

// throttled is how long Astro's rate limit makes one write a token last.
func throttled(s size) time.Duration {
	return time.Duration(s.tokens) * time.Second / time.Duration(astrosim.PublishedLimits().Post)
}

// writesAlone measures the API server: it makes the bindings of a size in a namespace that no operator watches, and patches
// each twice as the operator would.
func (b *bench) writesAlone(ctx context.Context, s size) (a alone, err error) {
	w, err := b.newWorld(ctx, s)
	if err != nil {
		return a, err
	}
	defer w.close()
	if a.creates, err = w.apply(ctx, w.org.grants); err != nil {
		return a, err
	}
	var list v1alpha1.ScopedTokenBindingList
	if err := w.kube.List(ctx, &list, client.InNamespace(w.namespace)); err != nil {
		return a, err
	}
	start := time.Now()
	err = parallel(ctx, list.Items, workers, func(ctx context.Context, o v1alpha1.ScopedTokenBinding) error {
		return w.patchTwice(ctx, &o)
	})
	a.writes = time.Since(start)
	suffix, note := fmt.Sprintf("_%d", s.bindings), fmt.Sprintf("workers=%d", workers)
	w.figures.print("alone_create"+suffix, a.creates.Seconds(), "s", nil, note)
	w.figures.print("alone_2_writes"+suffix, a.writes.Seconds(), "s", nil, note)
	return a, err
}

// patchTwice writes about as much as a hold and a report.
func (w *world) patchTwice(ctx context.Context, o *v1alpha1.ScopedTokenBinding) error {
	before := o.DeepCopy()
	controllerutil.AddFinalizer(o, v1alpha1.FinalizerRevoke)
	metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.AnnotationHeld, fmt.Sprintf(
		`{"host":"127.0.0.1:40000","organization":%q,"token":%q,"scope":"Organization","targetKind":"Deployment","target":%q,"role":%q}`,
		w.org.id, w.org.tokens[0].id, w.org.grants[0].target.id, role))
	if err := w.kube.Patch(ctx, o, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return err
	}
	before = o.DeepCopy()
	o.Status.ObservedGeneration, o.Status.Role, o.Status.OrganizationID = o.Generation, role, w.org.id
	o.Status.Token = v1alpha1.BoundToken{ID: w.org.tokens[0].id, Name: o.Spec.Token.Name, Scope: o.Spec.Token.Scope, CreatedBy: "Ada Admin"}
	o.Status.Target = v1alpha1.BoundTarget{Kind: o.Spec.Target.Kind, ID: w.org.grants[0].target.id, Name: o.Spec.Target.Name, WorkspaceID: w.org.office}
	for _, condition := range []string{
		v1alpha1.ConditionReady, v1alpha1.ConditionAccepted, v1alpha1.ConditionResolved, v1alpha1.ConditionSynced,
	} {
		o.Status.Conditions = append(o.Status.Conditions, metav1.Condition{
			Type: condition, Status: metav1.ConditionTrue, ObservedGeneration: o.Generation, LastTransitionTime: metav1.Now(),
			Reason: v1alpha1.ReasonGranted, Message: "a message of about the length that a condition has when all is well",
		})
	}
	return w.kube.Status().Patch(ctx, o, client.MergeFrom(before))
}
