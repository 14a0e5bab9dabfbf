package token

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
)

// orRelease ends the message of a leaver that cannot go.
const orRelease = `set the annotation ` + v1alpha1.AnnotationRelease + ` to "true" to let the binding go without revoking the role`

// unreachable is why the member's connection does not lead to the token.
func (g *group) unreachable(m *member) *fault {
	key := m.conn.Key
	switch {
	case !m.found:
		return not(v1alpha1.ConditionAccepted, v1alpha1.ReasonConnectionNotFound, "there is no %s; create it, or correct spec.connectionRef",
			connection.KeyFor(m.binding.Namespace, m.binding.Spec.ConnectionRef).Words())
	case m.conn.Host == "":
		f := unknown(v1alpha1.ConditionAccepted, v1alpha1.ReasonConnectionNotReady, "%s has not been looked at yet", key.Words())
		f.silent, f.passing = true, true
		return f
	case m.held != nil && (m.conn.Host != g.key.Host || m.conn.Organization != g.key.Organization):
		return not(v1alpha1.ConditionAccepted, v1alpha1.ReasonOrganizationMismatch,
			"the role is held in Organization %s at %s, but %s leads to Organization %s at %s; make the connection as it was",
			g.key.Organization, g.key.Host, key.Words(), m.conn.Organization, m.conn.Host)
	case m.pinnedElsewhere():
		return not(v1alpha1.ConditionAccepted, v1alpha1.ReasonOrganizationMismatch,
			"the binding was found to be of Organization %s, but %s leads to Organization %s; make the connection as it was, or the binding again",
			m.binding.Status.OrganizationID, key.Words(), m.conn.Organization)
	case !m.conn.Ready && (m.conn.Client == nil || !m.leaving()):
		f := unknown(v1alpha1.ConditionAccepted, v1alpha1.ReasonConnectionNotReady, "%s is not ready (%s); see its status", key.Words(), m.conn.Reason)
		f.passing, f.stuck = true, m.conn.Stuck()
		return f
	case m.conn.Deleting && m.held == nil && !m.vouched():
		f := unknown(v1alpha1.ConditionAccepted, v1alpha1.ReasonConnectionNotReady,
			"%s is being deleted, and takes nothing new; make it again once it is gone", key.Words())
		f.stuck = true
		return f
	}
	return nil
}

// forbidden asks the connection's rules. They are asked with the token's present name where the token is there, and
// with the user's spelling where it is not, so that the answer does not tell which.
func (r *Reconciler) forbidden(ctx context.Context, g *group, m *member) *fault {
	var err error
	if m.labels, err = r.namespaceLabels(ctx, m); err != nil {
		g.outcome.retry(err)
		f := unknown(v1alpha1.ConditionAccepted, v1alpha1.ReasonUnreachable, "read the namespace: %v", err)
		f.passing = true
		return f
	}
	ask := policy.Request{
		Subject: policy.Subject{Namespace: m.binding.Namespace, Labels: m.labels},
		Token:   g.tokenFacts(m), Target: m.targetFacts(), Role: m.role(),
	}
	d := policy.Check(m.conn.Object, ask)
	if !d.Allowed {
		f := not(v1alpha1.ConditionAccepted, d.Reason, "%s", d.Message)
		f.withdrawn = m.held != nil && g.knows(m) && !g.grantAllowed(m, ask)
		return f
	}
	if g.misnames(m) {
		ask.Token = g.realFacts()
		if !policy.Check(m.conn.Object, ask).Allowed {
			return m.tokenNotFound() // as for a token that is not there, since this one is none of the user's business
		}
	}
	m.allowed = true
	return nil
}

// grantAllowed reports whether the rules allow the role that the token holds, though not the one that is asked for: a
// binding that was edited to a role which it may not have is refused that, and loses nothing.
func (g *group) grantAllowed(m *member, ask policy.Request) bool {
	ask.Role = g.token.RoleOn(m.entry().Key())
	return ask.Role != "" && policy.Check(m.conn.Object, ask).Allowed
}

// misnames reports whether the token is there, but is not of the scope by which the member asks for it.
func (g *group) misnames(m *member) bool {
	if g.presenceTo(m) != present {
		return false
	}
	scope, ok := scopeOf(g.token)
	return !ok || scope != m.binding.Spec.Token.Scope
}

// realFacts are what rules may speak of, as Astro shows it. A token of a scope that rules do not know matches none.
func (g *group) realFacts() policy.TokenFacts {
	scope, _ := scopeOf(g.token)
	facts := policy.TokenFacts{ID: g.token.ID, Name: g.token.Name, Scope: scope}
	if scope == v1alpha1.ScopeWorkspace {
		facts.WorkspaceID = g.token.Home()
	}
	return facts
}

// knows reports whether all is known of token and target that rules may speak of. A refusal for want of knowledge does
// not withdraw anything.
func (g *group) knows(m *member) bool {
	return g.presenceTo(m) == present && m.target != nil &&
		(m.binding.Spec.Token.Scope != v1alpha1.ScopeWorkspace || g.token.Home() != "")
}

func (g *group) tokenFacts(m *member) policy.TokenFacts {
	spec := m.binding.Spec.Token
	switch {
	case g.presenceTo(m) == present && !g.misnames(m):
		return g.realFacts()
	case spec.ID != "": // nothing that the user says of it counts while it is not there
		return policy.TokenFacts{ID: g.key.Token, Scope: spec.Scope}
	default:
		return policy.TokenFacts{ID: g.key.Token, Name: spec.Name, Scope: spec.Scope, WorkspaceID: string(spec.WorkspaceID)}
	}
}

func (m *member) targetFacts() policy.TargetFacts {
	spec := m.binding.Spec.Target
	facts := policy.TargetFacts{Kind: spec.Kind, ID: m.targetID(), WorkspaceID: string(spec.WorkspaceID)}
	switch s := m.binding.Status.Target; {
	case spec.Kind != v1alpha1.TargetDeployment:
	case m.target != nil:
		facts.WorkspaceID = m.target.WorkspaceID
	case s.ID != "" && s.ID == facts.ID:
		facts.WorkspaceID = s.WorkspaceID
	}
	return facts
}

// mayRevoke reports whether a role can be revoked without asking the rules: the operator gave it, by its own word.
func (m *member) mayRevoke() bool {
	return m.held != nil && m.held.Origin == v1alpha1.OriginCreated && m.borneOut()
}

func (r *Reconciler) namespaceLabels(ctx context.Context, m *member) (map[string]string, error) {
	if m.conn.Key.Kind != v1alpha1.KindClusterAstroConnection && len(m.conn.Object.ConnectionSpec().Allow) == 0 {
		return nil, nil //nolint:nilnil // without rules, an AstroConnection serves its own namespace, whatever its labels
	}
	var namespace metav1.PartialObjectMetadata
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := r.Client.Get(ctx, client.ObjectKey{Name: m.binding.Namespace}, &namespace); err != nil {
		return nil, fmt.Errorf("get namespace %s: %w", m.binding.Namespace, err)
	}
	return namespace.Labels, nil
}
