package decision

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/resolve"
)

// obstacle is the first thing that keeps a binding that stays from being wanted, in the order in which a user has to fix
// them. The rules come before anything that would tell whether token or target exist.
func (s *Situation) obstacle(b *Binding, r *Ruling) *fault.Fault {
	if f := s.unreachable(b); f != nil {
		return f
	}
	var lookup *fault.Fault
	r.Target, lookup = b.target()
	if f := cmp.Or(lookup, s.notRead(b)); f != nil && f.Transient {
		return f // it says nothing of what exists, and the rules cannot be asked about what nobody could look up
	}
	if f := s.forbidden(b, r); f != nil {
		return s.hinted(b, r, f)
	}
	if b.Object.Spec.Suspend {
		return suspended(b)
	}
	hidden := b.Claim == nil && s.presenceTo(b) != Present // whether there is such a token is not for the binding to know
	if s.selfProtected(b) && !hidden {
		return s.selfProtection(b)
	}
	if f := s.tokenFault(b, r); f != nil {
		return f
	}
	if s.Misnamed(b) {
		return fault.Quiet() // its name is looked up once more, and it is told what that shows
	}
	if lookup != nil {
		return s.targetFault(b, r, lookup)
	}
	return s.outsideHome(b, r)
}

// suspended is what a binding says that is suspended.
func suspended(b *Binding) *fault.Fault {
	words := "spec.suspend is true: the role is neither written nor removed until it is false"
	if b.Claim == nil || b.Observes() {
		words = "spec.suspend is true: nothing is done until it is false; the binding holds no claim, so that its deletion takes no role away"
	}
	return fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonSuspended, "%s", words)
}

// tokenFault is what is wrong with the token, as far as the binding is concerned.
func (s *Situation) tokenFault(b *Binding, r *Ruling) *fault.Fault {
	if s.presenceTo(b) != Present {
		return s.missing(b, r)
	}
	spec, t, resolved := b.Object.Spec.Token, s.Token.Token, v1alpha1.ConditionResolved
	scope, ok := pin.ScopeOf(t)
	switch {
	case !ok:
		return fault.NotTrue(resolved, v1alpha1.ReasonTokenKindUnsupported,
			"%s is a token of scope %s; only Organization and Workspace tokens can be bound", b.TokenWords(), text.Words(string(t.Scope)))
	case scope != spec.Scope:
		return fault.NotTrue(resolved, v1alpha1.ReasonTokenScopeMismatch,
			"%s is a token of scope %s, not %s; make the binding with the right spec.token.scope", b.TokenWords(), scope, spec.Scope)
	case t.Kind != astro.KindStandard:
		return fault.NotTrue(resolved, v1alpha1.ReasonTokenKindUnsupported,
			"%s is of kind %s; only tokens of kind %s can be bound", b.TokenWords(), text.Words(t.Kind), astro.KindStandard)
	case spec.WorkspaceID != "" && s.tokenHome() != "" && s.tokenHome() != string(spec.WorkspaceID):
		return fault.NotTrue(resolved, v1alpha1.ReasonTokenScopeMismatch,
			"%s was made in another Workspace than spec.token.workspaceId says", b.TokenWords())
	case t.EndAt != nil && !t.EndAt.After(s.Now):
		return fault.NotTrue(resolved, v1alpha1.ReasonTokenExpired,
			"%s expired on %s; make a new token and a binding for it, or delete this binding", b.TokenWords(), t.EndAt.UTC().Format(time.RFC3339))
	}
	return nil
}

// outsideHome is the fault of a Workspace token on a Deployment of another Workspace. Whether Astro would take it is not
// known; such a token is documented to work in its own Workspace only.
func (s *Situation) outsideHome(b *Binding, r *Ruling) *fault.Fault {
	home := s.tokenHome()
	if s.Token.Token.Scope != astro.ScopeWorkspace || r.Target == nil || home == "" || r.Target.WorkspaceID == home {
		return nil
	}
	return fault.NotTrue(v1alpha1.ConditionResolved, v1alpha1.ReasonTokenScopeMismatch,
		"%s was made in Workspace %s and works only there, but %s is in Workspace %s; use an Organization token, or a token of that Workspace",
		b.TokenWords(), home, b.where(r), r.Target.WorkspaceID)
}

// missing is the fault of a token that Astro does not show.
func (s *Situation) missing(b *Binding, r *Ruling) *fault.Fault {
	if s.presenceTo(b) == Gone && b.Object.Spec.Token.Name != "" {
		return s.replaced(b, r)
	}
	return s.notSeen(b)
}

// replaced is the fault of a name whose token is gone: another token may have it now, and is not taken unasked. Once the
// user has confirmed that one, the binding leaves the old token and finds the new one as it found the first, by its name.
// Of tokens that the rules do not allow nothing is told.
func (s *Situation) replaced(b *Binding, r *Ruling) *fault.Fault {
	if b.Names.Err != nil {
		return fault.FromAstroError(v1alpha1.ConditionResolved, "look up "+b.TokenWords(), b.Names.Err)
	}
	found := slices.DeleteFunc(slices.Clone(b.Names.Tokens), func(t astro.Token) bool {
		return !s.may(b, FactsOfToken(t), targetFacts(b, r.Target), b.Role())
	})
	if len(found) > 1 {
		return fault.NotTrue(v1alpha1.ConditionResolved, v1alpha1.ReasonTokenReplaced,
			"%s with id %s was deleted in Astro, and more than one other token has its name: %s; "+
				"recreate the binding with one of these ids as spec.token.id, or delete or rename the others in Astro",
			b.TokenWords(), s.Key.Token, tokenIDs(found))
	}
	if len(found) == 0 || len(b.Names.Tokens) != 1 {
		return fault.NotTrue(v1alpha1.ConditionResolved, v1alpha1.ReasonTokenNotFound,
			"%s with id %s was deleted in Astro; delete the binding, or make the token again and confirm it", b.TokenWords(), s.Key.Token)
	}
	r.Rebind = b.Object.Annotations[v1alpha1.AnnotationConfirmToken] == found[0].ID
	return fault.NotTrue(v1alpha1.ConditionResolved, v1alpha1.ReasonTokenReplaced,
		"%s with id %s was deleted in Astro, and another token with id %s has its name; set the annotation %s to %s to bind that one",
		b.TokenWords(), s.Key.Token, found[0].ID, v1alpha1.AnnotationConfirmToken, found[0].ID)
}

// targetFault is why the target is not known. That others have its name is told only of those that the rules allow.
func (s *Situation) targetFault(b *Binding, r *Ruling, lookup *fault.Fault) *fault.Fault {
	if lookup.Reason != v1alpha1.ReasonTargetReplaced {
		return s.hinted(b, r, lookup)
	}
	others := slices.DeleteFunc(slices.Clone(b.Target.Named), func(t astro.Target) bool {
		return !s.may(b, s.tokenFacts(b), FactsOf(&t), b.Role())
	})
	switch {
	case len(others) > 1:
		return b.targetReplaced(others)
	case len(others) == 0 || len(b.Target.Named) != 1:
		_, notFound := resolve.Target(b.Object.Spec.Target, b.targetID(nil), nil, nil, "the binding")
		return notFound
	}
	r.Retarget = b.Object.Annotations[v1alpha1.AnnotationConfirmTarget] == others[0].ID
	if r.Retarget && b.Claim != nil && b.Connection.observes() {
		return fault.NotTrue(v1alpha1.ConditionResolved, v1alpha1.ReasonTargetReplaced,
			"Astro shows no %s with id %s any more, and another with id %s has its name, which the annotation %s confirms; "+
				"%s is in mode Observe, through which nothing is revoked or given: "+
				"once it is in mode Enforce, the role on the old one is taken back and that one is bound",
			b.TargetWords(), b.targetID(nil), others[0].ID, v1alpha1.AnnotationConfirmTarget, b.Connection.Words)
	}
	return lookup
}

// externalWriter is the fault of a role that somebody else keeps changing back.
func (s *Situation) externalWriter(b *Binding, r *Ruling) *fault.Fault {
	who := ""
	if s.Token.Token.UpdatedBy != "" {
		who = fmt.Sprintf(" (Astro names %q as the last to update it)", text.Clip(s.Token.Token.UpdatedBy, text.MostName))
	}
	return fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonExternalWriter,
		"%s was restored %d times within %s, and the token holds %s again: something else writes this token%s; stop it, then set the annotation %s to a new value",
		b.Role(), contentionLimit, contentionWindow, text.Words(cmp.Or(s.roleOn(b.entry(r.Target)), "no role")), who, v1alpha1.AnnotationRequestedAt)
}

func tokenIDs(tokens []astro.Token) string {
	ids := make([]string, 0, len(tokens))
	for _, t := range tokens {
		ids = append(ids, t.ID)
	}
	return resolve.Listed(ids)
}

// ownScopeUnseen is said while a read of the token does not show all of its roles.
func ownScopeUnseen() *fault.Fault {
	return fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonOwnScopeRoleProtected,
		"Astro does not show the token's role on its own scope, which a write would drop, and so may not show others; "+
			"make sure that the connection's API token may see all roles of the token")
}
