package token

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/audit"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/refusal"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/resolve"
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

// eventRefused tells of a status that Kubernetes refuses, and of what it was to say: there is nothing else that could.
func (r *Reconciler) eventRefused(st decision.Statement, err error) {
	is := meta.FindStatusCondition(st.Status.Conditions, v1alpha1.ConditionReady)
	if is != nil && r.refusals.Due(refusal.Status, st.UID, err, time.Now()) {
		r.event(st.Object, corev1.EventTypeWarning, v1alpha1.ReasonKubernetesRefused, "Report", refusal.Words(is.Reason, is.Message, err))
	}
}

// eventReleaseRefused tells of a finalizer that Kubernetes does not let go of. Of one that is deleted, its status tells.
func (r *Reconciler) eventReleaseRefused(st decision.Statement, err error) {
	if !st.Left {
		refusal.Count(refusal.Metadata, err)
		return
	}
	if !r.refusals.Due(refusal.Metadata, st.UID, err, time.Now()) {
		return
	}
	r.event(st.Object, corev1.EventTypeWarning, v1alpha1.ReasonKubernetesRefused, "Release",
		fmt.Sprintf("the claim is given up, but Kubernetes refuses to have the operator's finalizer taken off: %v", err))
}

// eventReported tells of what a reconcile changed: a role given, changed or restored, or a refusal that is new. A status
// that merely says the same again is quiet.
func (r *Reconciler) eventReported(before, after *v1alpha1.ScopedTokenBinding, st decision.Statement) {
	is := meta.FindStatusCondition(after.Status.Conditions, v1alpha1.ConditionReady)
	was := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionReady)
	if is == nil || (was != nil && was.Reason == is.Reason && was.Status == is.Status && !st.Changed) {
		return
	}
	kind := corev1.EventTypeNormal
	if is.Status != metav1.ConditionTrue {
		kind = corev1.EventTypeWarning
	}
	r.event(after, kind, is.Reason, "Reconcile", is.Message)
}

// eventReleased tells that a binding was let go, and what became of its role.
func (r *Reconciler) eventReleased(st decision.Statement) {
	reason, note := eventReleased, "released; no role was left to revoke"
	b := decision.Binding{Object: st.Object}
	switch {
	case st.Stays:
		note = "released; the role stays in Astro"
	case st.Kept:
		note = "released; another binding now holds the role on " + b.TargetWords()
	case !st.Gives && st.Object.Status.Claim == nil:
		note = "released; it held no claim, so nothing was revoked"
	case st.Revoked:
		reason, note = eventRevoked, "revoked the role on "+b.TargetWords()
	}
	r.event(st.Object, corev1.EventTypeNormal, reason, "Release", note)
}

// event records one, as far as the recorder has room for it: ten thousand bindings applied at once would otherwise cost the API
// server a third write each, to say what their status says.
func (r *Reconciler) event(b *v1alpha1.ScopedTokenBinding, kind, reason, action, note string) {
	r.Recorder.Eventf(b, nil, kind, reason, action, "%s", note)
}

const (
	eventRevoked  = "Revoked"
	eventReleased = "Released"
)

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

// auditSeen takes in what the token holds that was just read by its id: what became of a write without an answer shows there.
// A listing may be older than the write.
func (r *Reconciler) auditSeen(ctx context.Context, key TokenKey, t astro.Token) {
	auditFailed(ctx, r.Audit.Seen(key.Organization, key.Token, func(kind, id string) string {
		entity, known := resolve.Entities[v1alpha1.TargetKind(kind)]
		if !known {
			entity = astro.EntityType(kind)
		}
		return t.RoleOn(astro.RoleKey{EntityType: entity, EntityID: id})
	}))
}

// auditStayed writes that the role of a binding stays whose statement was carried out, if there is that to say.
func (r *Reconciler) auditStayed(ctx context.Context, said map[types.UID]audit.Entry, uid types.UID) {
	if entry, is := said[uid]; is {
		auditFailed(ctx, r.Audit.Write(entry))
	}
}

// auditFailed makes it known that lines were lost. What they were to say is in the operator's own log.
func auditFailed(ctx context.Context, err error) {
	lost, is := errors.AsType[*audit.LostError](err)
	if !is {
		return
	}
	auditFailures.Add(float64(len(lost.Lines)))
	for _, line := range lost.Lines {
		log.FromContext(ctx).Error(lost.Err, "the audit log cannot be written", "line", line)
	}
}
