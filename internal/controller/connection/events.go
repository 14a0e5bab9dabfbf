package connection

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// announcePaused makes a warning of revocations that have to wait, and tells when they go on.
func (r *reconciler) announcePaused(ctx context.Context, before, after v1alpha1.Connection) {
	was := meta.IsStatusConditionTrue(before.ConnectionStatus().Conditions, v1alpha1.ConditionRevocationsPaused)
	is := meta.FindStatusCondition(after.ConnectionStatus().Conditions, v1alpha1.ConditionRevocationsPaused)
	switch {
	case is != nil && !was:
		log.FromContext(ctx).Info("revocations paused", "message", is.Message)
		r.Recorder.Eventf(after, nil, corev1.EventTypeWarning, is.Reason, "Revoke", "%s", is.Message)
	case is == nil && was:
		log.FromContext(ctx).Info("revocations go on")
		r.Recorder.Eventf(after, nil, corev1.EventTypeNormal, v1alpha1.ReasonRevoking, "Revoke", "revocations go on")
	}
}

// announceReady makes an event and a line of the log of a change of Ready; a quiet sweep is quiet.
func (r *reconciler) announceReady(ctx context.Context, before, after v1alpha1.Connection) {
	was := meta.FindStatusCondition(before.ConnectionStatus().Conditions, v1alpha1.ConditionReady)
	is := meta.FindStatusCondition(after.ConnectionStatus().Conditions, v1alpha1.ConditionReady)
	if was != nil && was.Status == is.Status && was.Reason == is.Reason {
		return
	}
	kind := corev1.EventTypeWarning
	if is.Status == metav1.ConditionTrue {
		kind = corev1.EventTypeNormal
	}
	log.FromContext(ctx).Info("readiness changed", "ready", is.Status, "reason", is.Reason, "message", is.Message)
	r.Recorder.Eventf(after, nil, kind, is.Reason, "Connect", "%s", is.Message)
}
