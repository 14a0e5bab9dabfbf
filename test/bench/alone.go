package main

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// throttled is how long Astro's rate limit makes one write a token last.
func throttled(s size) time.Duration {
	return time.Duration(s.tokens) * time.Second / time.Duration(astrosim.PublishedLimits().Post)
}

// bare is what two Kubernetes writes a binding take by themselves: time, and seconds of the client's processor.
type bare struct {
	took      time.Duration
	processor float64
}

// writesAlone measures what two Kubernetes writes a binding cost with no operator at work: it makes the bindings of a
// tenant once more in a namespace beside, patches each twice as the operator would, and removes them again.
func (t *tenant) writesAlone(ctx context.Context, s size) (writes bare, err error) {
	beside := &tenant{world: t.world, namespace: t.namespace + "-alone", org: t.org}
	if err := t.makeNamespace(ctx, beside.namespace); err != nil {
		return writes, err
	}
	creates, err := beside.apply(ctx, t.org.grants...)
	if err != nil {
		return writes, err
	}
	var list v1alpha1.ScopedTokenBindingList
	if err := t.kube.List(ctx, &list, client.InNamespace(beside.namespace)); err != nil {
		return writes, err
	}
	start, before := time.Now(), programsNow()
	err = parallel(ctx, list.Items, workers, func(ctx context.Context, o v1alpha1.ScopedTokenBinding) error {
		return t.patchTwice(ctx, &o)
	})
	all := programsNow().minus(before)
	writes = bare{took: time.Since(start), processor: all["bench"]}
	if err != nil {
		return writes, err
	}
	notes := []string{fmt.Sprintf("workers=%d", workers)}
	t.figures.print(figure{name: "alone_create_" + s.suffix() + "_s", value: creates.Seconds(), unit: "s", notes: notes})
	t.figures.print(figure{name: "alone_2_writes_" + s.suffix() + "_s", value: writes.took.Seconds(), unit: "s", notes: notes})
	t.figures.print(figure{name: "alone_2_writes_" + s.suffix() + "_processor_s", value: writes.processor, unit: "s", notes: notes})
	t.printPrograms("alone_2_writes_"+s.suffix(), all, writes.took)
	return writes, parallel(ctx, list.Items, workers, func(ctx context.Context, o v1alpha1.ScopedTokenBinding) error {
		return t.kube.Delete(ctx, &o)
	})
}

// patchTwice writes about as much as a finalizer and a report. A label stands for the finalizer, which would keep the object
// from going.
func (t *tenant) patchTwice(ctx context.Context, o *v1alpha1.ScopedTokenBinding) error {
	before := o.DeepCopy()
	metav1.SetMetaDataLabel(&o.ObjectMeta, v1alpha1.FinalizerRevoke, "")
	if err := t.kube.Patch(ctx, o, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return err
	}
	before = o.DeepCopy()
	o.Status.ObservedGeneration, o.Status.Role, o.Status.OrganizationID = o.Generation, role, t.org.id
	o.Status.Origin = v1alpha1.OriginCreated
	o.Status.Claim = &v1alpha1.Claim{UID: o.UID, State: v1alpha1.ClaimHeld, ClaimedAt: metav1.NowMicro(), Host: "127.0.0.1:40000"}
	o.Status.Token = v1alpha1.BoundToken{ID: t.org.tokens[0].id, Name: o.Spec.Token.Name, Scope: o.Spec.Token.Scope, CreatedBy: "Ada Admin"}
	o.Status.Target = v1alpha1.BoundTarget{Kind: o.Spec.Target.Kind, ID: t.org.grants[0].target.id, Name: o.Spec.Target.Name, WorkspaceID: t.org.office}
	for _, condition := range []string{
		v1alpha1.ConditionReady, v1alpha1.ConditionAccepted, v1alpha1.ConditionResolved, v1alpha1.ConditionSynced,
	} {
		o.Status.Conditions = append(o.Status.Conditions, metav1.Condition{
			Type: condition, Status: metav1.ConditionTrue, ObservedGeneration: o.Generation, LastTransitionTime: metav1.Now(),
			Reason: v1alpha1.ReasonGranted, Message: "a message of about the length that a condition has when all is well",
		})
	}
	return t.kube.Status().Patch(ctx, o, client.MergeFrom(before))
}
