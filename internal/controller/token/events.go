package token

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

const (
	eventRevoked  = "Revoked"
	eventReleased = "Released"

	eventsPerSecond, eventBurst = 5, 100
)

// eventReported tells of what a reconcile changed: a role given, changed or restored, or a refusal that is new. A status
// that merely says the same again is quiet.
func (r *Reconciler) eventReported(before *v1alpha1.ScopedTokenBinding, m *member) {
	is := meta.FindStatusCondition(m.binding.Status.Conditions, v1alpha1.ConditionReady)
	was := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionReady)
	if is == nil || (was != nil && was.Reason == is.Reason && was.Status == is.Status && !m.done.written) {
		return
	}
	kind := corev1.EventTypeNormal
	if is.Status != metav1.ConditionTrue {
		kind = corev1.EventTypeWarning
	}
	r.event(m, kind, is.Reason, "Reconcile", is.Message)
}

// eventReleased tells that a binding was let go, and what became of its role.
func (r *Reconciler) eventReleased(m *member, held *v1alpha1.HeldClaim) {
	reason, note := eventReleased, "let go; there is no role left to revoke"
	switch {
	case m.mayStay():
		note = "let go; the role in Astro was left as it is"
	case m.verdict.Outcome == roleset.Kept:
		note = "let go; another binding has the say over the role on " + m.targetWords()
	case m.done.written && held != nil:
		reason, note = eventRevoked, "revoked the role on "+m.targetWords()
	}
	r.event(m, corev1.EventTypeNormal, reason, "Release", note)
}

// event records one, as far as the budget goes: ten thousand bindings applied at once would otherwise cost the API server
// a third write each, to say what their status says. A trickle is never cut.
func (r *Reconciler) event(m *member, kind, reason, action, note string) {
	if r.events.Allow() {
		r.Recorder.Eventf(m.binding, nil, kind, reason, action, "%s", clipNote(note))
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
