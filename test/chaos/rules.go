package main

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// refusals are what the operator says when no rule allows a binding, by how far the best of them got.
var refusals = [4]string{v1alpha1.ReasonNamespaceNotAllowed, v1alpha1.ReasonTokenNotAllowed, v1alpha1.ReasonTargetNotAllowed, v1alpha1.ReasonRoleNotAllowed}

// forbidden is how the rules of the shared connection refuse a binding, "" if they allow it. What the rules mean is
// written down a second time here, so that the operator's own reading of them is checked.
func forbidden(rules []v1alpha1.AllowRule, namespace string, namespaceLabels map[string]string, token, target *entity, role string) string {
	furthest := 0
	for _, r := range rules {
		got := 0
		for _, passes := range []bool{
			allowsNamespace(r.Namespaces, namespace, namespaceLabels), slices.ContainsFunc(r.Tokens, func(t v1alpha1.TokenRule) bool { return allowsToken(t, token) }),
			slices.ContainsFunc(r.Targets, func(t v1alpha1.TargetRule) bool { return allowsTarget(t, target) }), lists(r.Roles, role),
		} {
			if !passes {
				break
			}
			got++
		}
		furthest = max(furthest, got)
	}
	if furthest == len(refusals) {
		return ""
	}
	return refusals[furthest]
}

func lists(items []string, value string) bool {
	return slices.Contains(items, "*") || slices.Contains(items, value)
}

func allowsNamespace(r v1alpha1.NamespaceRule, namespace string, namespaceLabels map[string]string) bool {
	if r.Selector == nil {
		return lists(r.Names, namespace)
	}
	selector, err := metav1.LabelSelectorAsSelector(r.Selector)
	return err == nil && selector.Matches(labels.Set(namespaceLabels))
}

func allowsToken(r v1alpha1.TokenRule, t *entity) bool {
	if strings.ToUpper(string(r.Scope)) != t.scope {
		return false
	}
	return (r.IDs == nil || lists(r.IDs, t.id)) && (r.WorkspaceIDs == nil || lists(r.WorkspaceIDs, t.home)) &&
		(r.NamePrefixes == nil || slices.ContainsFunc(r.NamePrefixes, func(p string) bool { return p == "*" || strings.HasPrefix(t.name, p) }))
}

func allowsTarget(r v1alpha1.TargetRule, e *entity) bool {
	if e.kind == astrosim.TypeWorkspace {
		return lists(r.WorkspaceIDs, e.id)
	}
	return lists(r.WorkspaceIDs, e.workspace) || lists(r.DeploymentIDs, e.id)
}
