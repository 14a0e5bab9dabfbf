package token

import (
	"cmp"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// statusOf computes the member's status from what the reconcile found.
func (g *group) statusOf(m *member) v1alpha1.ScopedTokenBindingStatus {
	s := *m.binding.Status.DeepCopy()
	if m.forgets() {
		s.Token, s.Role = v1alpha1.BoundToken{}, ""
	}
	s.ObservedGeneration = m.binding.Generation
	s.LastHandledReconcileAt = cmp.Or(m.binding.Annotations[v1alpha1.AnnotationRequestedAt], s.LastHandledReconcileAt)
	s.Token.Name = cmp.Or(s.Token.Name, m.binding.Spec.Token.Name)
	s.Token.Scope = m.binding.Spec.Token.Scope
	s.Target.Kind = m.binding.Spec.Target.Kind
	s.Target.Name = cmp.Or(s.Target.Name, m.binding.Spec.Target.Name)
	if !m.leaving() {
		s.Origin, s.PreviousRole = "", ""
	}
	if m.held != nil && (m.allowed || pin.Verified(m.binding, m.held)) {
		s.Origin, s.PreviousRole = m.held.Origin, m.held.PreviousRole
	}
	if m.allowed {
		g.fillIn(m, &s)
	}
	if m.held == nil && !m.allowed {
		s.Role = "" // nothing is held, and the rules do not let the user know what is there
	}
	s.PlannedChange = ""
	if m.observes() && m.fault == nil {
		s.PlannedChange = planned(m)
	}
	g.setConditions(m, &s)
	return s
}

// fillIn writes down what Astro says. What could not be looked at stays as it was.
func (g *group) fillIn(m *member, s *v1alpha1.ScopedTokenBindingStatus) {
	if g.key.Organization != "" {
		s.OrganizationID = g.key.Organization
	}
	if m.target != nil {
		s.Target.ID, s.Target.Name = m.target.ID, clip(m.target.Name)
		if m.target.Kind == astro.EntityDeployment {
			s.Target.WorkspaceID = m.target.WorkspaceID
		}
	}
	if g.presenceTo(m) != present {
		return
	}
	t := g.token
	scope, _ := scopeOf(t)
	s.Token = v1alpha1.BoundToken{
		ID: t.ID, Name: clip(t.Name), Description: clip(t.Description), Scope: scope,
		CreatedBy: clip(t.CreatedBy), CreatedAt: timeOf(&t.CreatedAt), ExpiresAt: timeOf(t.EndAt),
	}
	if m.targetID() != "" {
		s.Role = t.RoleOn(m.entry().Key())
	}
}

// planned is the change that Enforce would make, in words.
func planned(m *member) string {
	switch m.verdict.Outcome {
	case roleset.Add, roleset.Update:
		return roleset.Change{From: m.verdict.Observed, To: m.role()}.String()
	default:
		return ""
	}
}

// timeOf is a time as the API server keeps it: to the second, and nil for none.
func timeOf(t *time.Time) *metav1.Time {
	if t == nil || t.IsZero() {
		return nil
	}
	at := metav1.NewTime(t.UTC().Truncate(time.Second))
	return &at
}

// clip keeps a text of Astro's from filling the status.
func clip(s string) string {
	const most = 512
	if len(s) <= most {
		return s
	}
	runes := []rune(s)
	return string(runes[:min(len(runes), most/4)]) + "…"
}
