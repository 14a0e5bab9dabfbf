package connection

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// announceReady makes an event of a change of Ready; a quiet sweep is quiet.
func (r *reconciler) announceReady(before, after v1alpha1.Connection) {
	was := meta.FindStatusCondition(before.ConnectionStatus().Conditions, v1alpha1.ConditionReady)
	is := meta.FindStatusCondition(after.ConnectionStatus().Conditions, v1alpha1.ConditionReady)
	if was != nil && was.Status == is.Status && was.Reason == is.Reason {
		return
	}
	kind := corev1.EventTypeWarning
	if is.Status == metav1.ConditionTrue {
		kind = corev1.EventTypeNormal
	}
	r.Recorder.Eventf(after, nil, kind, is.Reason, "Connect", "%s", is.Message)
}
