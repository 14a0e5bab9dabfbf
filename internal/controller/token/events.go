package token

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/audit"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/refusal"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/resolve"
)

const (
	eventRevoked  = "Revoked"
	eventReleased = "Released"
)

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
