package policy

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// everything is the one wildcard there is. Nothing empty ever means "all".
const everything = "*"

// stage is where a rule stops speaking of a request.
type stage int

const (
	atNamespace stage = iota
	atToken
	atTarget
	atRole
	atInventory
	atRemoval
	passed
)

// reached is the stage at which the rule stops speaking of the request.
func reached(rule *v1alpha1.AllowRule, r Request) stage {
	switch {
	case !matchesNamespace(rule.Namespaces, r.Subject):
		return atNamespace
	case !matchesAny(rule.Tokens, r.Token, matchesToken):
		return atToken
	case !matchesAny(rule.Targets, r.Target, matchesTarget):
		return atTarget
	case !names(rule.Roles, r.Role):
		return atRole
	default:
		return passed
	}
}

func matchesAny[R, F any](rules []R, facts F, matches func(R, F) bool) bool {
	return slices.ContainsFunc(rules, func(rule R) bool { return matches(rule, facts) })
}

// A rule's parts must all match where they are given, and one must be given. The API server accepts no rule in which
// it is otherwise; here it is made sure that one that came about in another way allows less, not more.

func matchesNamespace(rule v1alpha1.NamespaceRule, s Subject) bool {
	return s.Namespace != "" && all(
		part{given: rule.Names != nil, matches: names(rule.Names, s.Namespace)},
		part{given: rule.Selector != nil, matches: selects(rule.Selector, s.Labels)},
	)
}

func matchesToken(rule v1alpha1.TokenRule, t TokenFacts) bool {
	workspaces := t.Scope == v1alpha1.ScopeWorkspace && names(rule.WorkspaceIDs, t.WorkspaceID)
	return t.Scope != "" && rule.Scope == t.Scope && all(
		part{given: rule.IDs != nil, matches: names(rule.IDs, t.ID)},
		part{given: rule.NamePrefixes != nil, matches: begins(rule.NamePrefixes, t.Name)},
		part{given: rule.WorkspaceIDs != nil, matches: workspaces},
	)
}

func matchesTarget(rule v1alpha1.TargetRule, t TargetFacts) bool {
	deployment := t.Kind == v1alpha1.TargetDeployment
	workspace := t.ID
	if deployment {
		workspace = t.WorkspaceID
	}
	return (deployment || t.Kind == v1alpha1.TargetWorkspace) && all(
		part{given: rule.WorkspaceIDs != nil, matches: names(rule.WorkspaceIDs, workspace)},
		part{given: rule.DeploymentIDs != nil, matches: deployment && names(rule.DeploymentIDs, t.ID)},
	)
}

// mayMatchToken reports whether the rule may speak of a token of which no more is known than its scope and id.
func mayMatchToken(rule v1alpha1.TokenRule, t TokenFacts) bool {
	return t.Scope != "" && rule.Scope == t.Scope && (rule.IDs == nil || names(rule.IDs, t.ID))
}

// mayMatchTarget reports whether the rule may speak of a target of which no more is known than its kind and id.
func mayMatchTarget(rule v1alpha1.TargetRule, t TargetFacts) bool {
	if t.Kind == v1alpha1.TargetWorkspace {
		return matchesTarget(rule, t)
	}
	return rule.DeploymentIDs == nil || names(rule.DeploymentIDs, t.ID)
}

// part is one of the lists of a rule.
type part struct{ given, matches bool }

func all(parts ...part) bool {
	one := false
	for _, p := range parts {
		if p.given && !p.matches {
			return false
		}
		one = one || p.given
	}
	return one
}

// names says whether the list has the value. A value that is not known is only in the list of everything.
func names(list []string, value string) bool {
	return slices.ContainsFunc(list, func(item string) bool {
		return item == everything || item != "" && item == value
	})
}

// begins says whether the name begins with one of the prefixes.
func begins(prefixes []string, name string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool {
		return prefix == everything || prefix != "" && strings.HasPrefix(name, prefix)
	})
}

// GoesByLabels says whether a rule of the connection asks for labels of a namespace.
func GoesByLabels(c v1alpha1.Connection) bool {
	return slices.ContainsFunc(c.ConnectionSpec().Allow, func(r v1alpha1.AllowRule) bool { return r.Namespaces.Selector != nil })
}

// NeedsLabels says whether a rule of the connection asks for other labels of a namespace than its name.
func NeedsLabels(c v1alpha1.Connection) bool {
	return slices.ContainsFunc(c.ConnectionSpec().Allow, func(r v1alpha1.AllowRule) bool {
		s := r.Namespaces.Selector
		if s == nil {
			return false
		}
		keys := slices.Collect(maps.Keys(s.MatchLabels))
		for _, e := range s.MatchExpressions {
			keys = append(keys, e.Key)
		}
		return slices.ContainsFunc(keys, func(key string) bool { return key != corev1.LabelMetadataName })
	})
}
