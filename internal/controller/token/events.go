package token

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

const (
	eventRevoked  = "Revoked"
	eventReleased = "Released"

	eventsPerSecond, eventBurst = 5, 100
)

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
	reason, note := eventReleased, "let go; there is no role left to revoke"
	b := decision.Binding{Object: st.Object}
	switch {
	case st.Stays:
		note = "let go; the role in Astro was left as it is"
	case st.Kept:
		note = "let go; another binding has the say over the role on " + b.TargetWords()
	case st.Revoked:
		reason, note = eventRevoked, "revoked the role on "+b.TargetWords()
	}
	r.event(st.Object, corev1.EventTypeNormal, reason, "Release", note)
}

// event records one, as far as the budget goes: ten thousand bindings applied at once would otherwise cost the API server
// a third write each, to say what their status says. A trickle is never cut.
func (r *Reconciler) event(b *v1alpha1.ScopedTokenBinding, kind, reason, action, note string) {
	if r.events.Allow() {
		r.Recorder.Eventf(b, nil, kind, reason, action, "%s", clipNote(note))
	}
}

// clipNote keeps a note within what an Event may carry.
func clipNote(s string) string {
	const most = 1000
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
