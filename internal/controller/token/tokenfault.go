package token

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// tokenFault is what is wrong with the token, as far as the member is concerned.
func (r *Reconciler) tokenFault(ctx context.Context, g *group, m *member) *fault {
	if g.presenceTo(m) != present {
		return r.missing(ctx, g, m)
	}
	spec, t := m.binding.Spec.Token, g.token
	scope, ok := scopeOf(t)
	switch {
	case !ok:
		return not(v1alpha1.ConditionResolved, v1alpha1.ReasonTokenKindUnsupported,
			"%s is a token of scope %s; only Organization and Workspace tokens can be bound", m.tokenWords(), t.Scope)
	case scope != spec.Scope:
		return not(v1alpha1.ConditionResolved, v1alpha1.ReasonTokenScopeMismatch,
			"%s is a token of scope %s, not %s; make the binding with the right spec.token.scope", m.tokenWords(), scope, spec.Scope)
	case t.Kind != astro.KindStandard:
		return not(v1alpha1.ConditionResolved, v1alpha1.ReasonTokenKindUnsupported,
			"%s is of kind %s; only tokens of kind %s can be bound", m.tokenWords(), t.Kind, astro.KindStandard)
	case spec.WorkspaceID != "" && t.Home() != "" && t.Home() != string(spec.WorkspaceID):
		return not(v1alpha1.ConditionResolved, v1alpha1.ReasonTokenScopeMismatch,
			"%s was made in another Workspace than spec.token.workspaceId says", m.tokenWords())
	case expired(t, r.Clock()):
		return not(v1alpha1.ConditionResolved, v1alpha1.ReasonTokenExpired,
			"%s expired on %s; make a new token and a binding for it, or delete this binding", m.tokenWords(), t.EndAt.UTC().Format(time.RFC3339))
	}
	return nil
}

// outside is the fault of a Workspace token on a Deployment of another Workspace. Whether Astro would take it is not
// known; such a token is documented to work in its own Workspace only.
func outside(g *group, m *member) *fault {
	home := g.token.Home()
	if g.token.Scope != astro.ScopeWorkspace || m.target == nil || home == "" || m.target.WorkspaceID == home {
		return nil
	}
	return not(v1alpha1.ConditionResolved, v1alpha1.ReasonTokenScopeMismatch,
		"%s was made in Workspace %s and works only there, but %s is in Workspace %s; use an Organization token, or a token of that Workspace",
		m.tokenWords(), home, m.targetWords(), m.target.WorkspaceID)
}

// missing is the fault of a token that Astro does not show.
func (r *Reconciler) missing(ctx context.Context, g *group, m *member) *fault {
	if g.presence == gone && m.binding.Spec.Token.Name != "" {
		return r.replaced(ctx, g, m)
	}
	return g.notSeen(m)
}

// notSeen says how far looking for the token got.
func (g *group) notSeen(m *member) *fault {
	switch {
	case g.presence == unseen && g.outcome.look != nil:
		return g.outcome.look
	case g.presence == unseen:
		f := unknown(v1alpha1.ConditionResolved, v1alpha1.ReasonUnreachable, "nobody could look for %s", m.tokenWords())
		f.passing = true
		return f
	case g.presenceTo(m) == absent && m.held != nil:
		f := unknown(v1alpha1.ConditionResolved, v1alpha1.ReasonListIncomplete,
			"Astro does not show %s, which does not prove that it was deleted: %s", m.tokenWords(), cmp.Or(g.why, "the listing could not be trusted"))
		f.passing = m.conn.Directory != nil && m.conn.Directory.Doubt() != "" // the connection says so for all
		return f
	default:
		return m.tokenNotFound()
	}
}

func (m *member) tokenNotFound() *fault {
	return not(v1alpha1.ConditionResolved, v1alpha1.ReasonTokenNotFound,
		"Astro shows no %s; check spec.token, and that the connection's API token may see it", m.tokenWords())
}

// replaced is the fault of a name whose token is gone: another token may have it now, and is not taken unasked.
func (r *Reconciler) replaced(ctx context.Context, g *group, m *member) *fault {
	found, err := named(ctx, m)
	if err != nil {
		return failed(v1alpha1.ConditionResolved, "look up "+m.tokenWords(), err)
	}
	if len(found) != 1 {
		return not(v1alpha1.ConditionResolved, v1alpha1.ReasonTokenNotFound,
			"%s with id %s was deleted in Astro; delete the binding, or make the token again and confirm it", m.tokenWords(), g.key.Token)
	}
	if m.binding.Annotations[v1alpha1.AnnotationConfirmToken] == found[0].ID {
		m.moveTo = found[0].ID
	}
	return not(v1alpha1.ConditionResolved, v1alpha1.ReasonTokenReplaced,
		"%s with id %s was deleted in Astro, and another token with id %s has its name; set the annotation %s to %s to bind that one",
		m.tokenWords(), g.key.Token, found[0].ID, v1alpha1.AnnotationConfirmToken, found[0].ID)
}

// tokenWords is the token as the user spells it.
func (m *member) tokenWords() string {
	spec := m.binding.Spec.Token
	words := fmt.Sprintf("%s token %q", spec.Scope, cmp.Or(spec.Name, string(spec.ID)))
	if spec.WorkspaceID != "" {
		words += " of Workspace " + string(spec.WorkspaceID)
	}
	return words
}
