package decision

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/lookalike"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
	"github.com/scopedtoken/scopedtoken-operator/internal/resolve"
)

const (
	// maxHints is how many names a message hints at.
	maxHints = 3
	// maxCandidates is how many names that look alike the rules are asked about, and maxCompared how many are compared: others choose
	// the names, and may have made thousands that look like one.
	maxCandidates, maxCompared = 100, 1000
)

// hinted is the fault of a name that nothing has, or that the rules do not allow, with a hint at names that look like it.
// Only what the rules allow the namespace is hinted at: the message reads the same whatever else there is.
func (s *Situation) hinted(b *Binding, r *Ruling, f *fault.Fault) *fault.Fault {
	switch f.Reason {
	case v1alpha1.ReasonTokenNotFound, v1alpha1.ReasonTokenNotAllowed:
		return f.With(s.tokenHints(b, r))
	case v1alpha1.ReasonTargetNotFound, v1alpha1.ReasonTargetNotAllowed:
		return f.With(s.targetHints(b))
	case v1alpha1.ReasonRoleNotAllowed:
		return f.With(s.roleHints(b, r, policy.Roles(b.Connection.Object, s.request(b, r))))
	default:
		return f
	}
}

// may reports whether the rules allow what a hint would lead to.
func (s *Situation) may(b *Binding, t policy.TokenFacts, target policy.TargetFacts, role string) bool {
	return b.Connection.Object != nil && policy.Check(b.Connection.Object, policy.Request{
		Subject: subject(b), Token: t, Target: target, Role: role,
	}).Allowed
}

// shownRoles names roles of the token that others may have given, as far as the rules show the reader who holds what there, and
// counts the others.
func (s *Situation) shownRoles(b *Binding, roles []astro.Role) string {
	var shown []astro.Role
	for _, role := range roles {
		kind := v1alpha1.TargetDeployment
		if role.EntityType == astro.EntityWorkspace {
			kind = v1alpha1.TargetWorkspace
		}
		if b.Connection.Object != nil && policy.CheckInventory(b.Connection.Object, subject(b), policy.TargetFacts{Kind: kind, ID: role.EntityID}).Allowed {
			shown = append(shown, role)
		}
	}
	switch hidden := len(roles) - len(shown); {
	case hidden == 0:
		return roleWords(shown)
	case len(shown) == 0:
		return fmt.Sprintf("%d on targets that the rules do not show here", hidden)
	default:
		return fmt.Sprintf("%s, and %d on targets that the rules do not show here", roleWords(shown), hidden)
	}
}

// roleWords names roles and where they are held, as a message lists them.
func roleWords(roles []astro.Role) string {
	all := make([]string, 0, len(roles))
	for _, role := range roles {
		all = append(all, text.Words(fmt.Sprintf("%s on %s %s", role.Role, role.EntityType, role.EntityID)))
	}
	return resolve.Listed(all)
}

// shownWorkspaces names the Workspaces in which a role may be given, as far as the rules let the binding give it there.
func (s *Situation) shownWorkspaces(b *Binding, role string, within []string) string {
	within = slices.Sorted(slices.Values(within))
	shown := slices.DeleteFunc(within[:min(len(within), maxCandidates)], func(id string) bool {
		return !s.may(b, s.tokenFacts(b), policy.TargetFacts{Kind: v1alpha1.TargetDeployment, WorkspaceID: id}, role)
	})
	if len(shown) == 0 {
		return "other Workspaces"
	}
	return "the Workspaces " + resolve.Listed(shown)
}

func (s *Situation) tokenHints(b *Binding, r *Ruling) string {
	return hints(b.Names.Alike, func(t astro.Token) bool {
		return s.may(b, FactsOfToken(t), targetFacts(b, r.Target), b.Role())
	}, func(t astro.Token) string { return resolve.Hint(b.Object.Spec.Token.Name, t.Name, t.ID) })
}

func (s *Situation) targetHints(b *Binding) string {
	return hints(b.Target.Alike, func(t astro.Target) bool {
		return s.may(b, s.tokenFacts(b), FactsOf(&t), b.Role())
	}, func(t astro.Target) string { return resolve.Hint(b.Object.Spec.Target.Name, t.Name, t.ID) })
}

func (s *Situation) roleHints(b *Binding, r *Ruling, roles []string) string {
	return hints(alike(b.Role(), roles), func(role string) bool {
		return s.may(b, s.tokenFacts(b), targetFacts(b, r.Target), role)
	}, func(role string) string { return resolve.Hint(b.Role(), role, "") })
}

// alike are the names that look like the one that was asked for.
func alike(asked string, names []string) (found []string) {
	hash := lookalike.Hash(asked)
	for _, name := range names[:min(len(names), maxCompared)] {
		if name != asked && lookalike.Hash(name) == hash {
			found = append(found, name)
		}
	}
	return found
}

// hints are the words about the first few that fit.
func hints[T any](all []T, fits func(T) bool, hint func(T) string) string {
	var words []string
	for _, one := range all[:min(len(all), maxCandidates)] {
		if len(words) == maxHints {
			break
		}
		if fits(one) {
			words = append(words, hint(one))
		}
	}
	return strings.Join(words, "")
}
