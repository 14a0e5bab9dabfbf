package policy

import (
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// TestPossible asks what can be said without a look at Astro. What it refuses, Check refuses whatever Astro shows.
func TestPossible(t *testing.T) {
	rule := func(tokens v1alpha1.TokenRule, targets v1alpha1.TargetRule) v1alpha1.AllowRule {
		return v1alpha1.AllowRule{
			Namespaces: v1alpha1.NamespaceRule{Names: []string{"data"}}, Tokens: []v1alpha1.TokenRule{tokens}, Targets: []v1alpha1.TargetRule{targets}, Roles: []string{"*"},
		}
	}
	organization, workspace := v1alpha1.ScopeOrganization, v1alpha1.ScopeWorkspace
	ids := v1alpha1.TokenRule{Scope: organization, IDs: []string{"t1"}}
	prefix := v1alpha1.TokenRule{Scope: organization, NamePrefixes: []string{"ci-"}}
	home := v1alpha1.TokenRule{Scope: workspace, WorkspaceIDs: []string{"w1"}}
	inW1, d1 := v1alpha1.TargetRule{WorkspaceIDs: []string{"w1"}}, v1alpha1.TargetRule{DeploymentIDs: []string{"d1"}}
	deployment := func(id string) TargetFacts { return TargetFacts{Kind: v1alpha1.TargetDeployment, ID: id} }
	ofOrganization, ofWorkspace := TokenFacts{ID: "t2", Scope: organization}, TokenFacts{ID: "t2", Scope: workspace}
	cases := map[string]struct {
		reason    string
		rules     []v1alpha1.AllowRule
		namespace string
		token     TokenFacts
		target    TargetFacts
		want      string
	}{
		"NoRule":          {"No rule speaks to the namespace.", []v1alpha1.AllowRule{rule(ids, inW1)}, "other", TokenFacts{}, TargetFacts{}, v1alpha1.ReasonNamespaceNotAllowed},
		"ByName":          {"Of a name nothing is said.", []v1alpha1.AllowRule{rule(ids, d1)}, "data", TokenFacts{}, TargetFacts{}, ""},
		"OtherToken":      {"An id that no rule has.", []v1alpha1.AllowRule{rule(ids, inW1)}, "data", ofOrganization, deployment("d2"), v1alpha1.ReasonTokenNotAllowed},
		"Named":           {"Its name may be one that a rule has.", []v1alpha1.AllowRule{rule(ids, d1), rule(prefix, inW1)}, "data", ofOrganization, deployment("d2"), ""},
		"OtherScope":      {"It is declared as one of a scope that no rule has.", []v1alpha1.AllowRule{rule(ids, inW1), rule(prefix, inW1)}, "data", ofWorkspace, deployment("d2"), v1alpha1.ReasonTokenNotAllowed},
		"Home":            {"It may have been made in the Workspace.", []v1alpha1.AllowRule{rule(home, inW1)}, "data", ofWorkspace, deployment("d2"), ""},
		"OtherDeployment": {"No rule that may speak of the token has the Deployment.", []v1alpha1.AllowRule{rule(prefix, d1), rule(ids, inW1)}, "data", ofOrganization, deployment("d2"), v1alpha1.ReasonTargetNotAllowed},
		"InWorkspace":     {"The Deployment may be in the Workspace.", []v1alpha1.AllowRule{rule(prefix, inW1)}, "data", ofOrganization, deployment("d2"), ""},
		"NamedDeployment": {"A Deployment by name may be any.", []v1alpha1.AllowRule{rule(prefix, d1)}, "data", ofOrganization, TargetFacts{Kind: v1alpha1.TargetDeployment}, ""},
		"OtherWorkspace":  {"A Workspace is known by its id.", []v1alpha1.AllowRule{rule(prefix, inW1)}, "data", ofOrganization, TargetFacts{Kind: v1alpha1.TargetWorkspace, ID: "w2"}, v1alpha1.ReasonTargetNotAllowed},
		"Workspace":       {"And so is one that is allowed.", []v1alpha1.AllowRule{rule(prefix, inW1)}, "data", ofOrganization, TargetFacts{Kind: v1alpha1.TargetWorkspace, ID: "w1"}, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := &v1alpha1.ClusterAstroConnection{}
			c.Spec.Allow = tc.rules
			r := Request{Subject: Subject{Namespace: tc.namespace}, Token: tc.token, Target: tc.target, Role: "DEPLOYMENT_ADMIN"}
			d := Possible(c, r)
			if d.Allowed != (tc.want == "") || !d.Allowed && d.Reason != tc.want {
				t.Errorf("%s\ngot %+v", tc.reason, d)
			}
			if !d.Allowed && Check(c, r).Allowed {
				t.Errorf("%s\nthe rules allow it", tc.reason)
			}
		})
	}
	own := &v1alpha1.AstroConnection{}
	own.Namespace = "data"
	if d := Possible(own, Request{Subject: Subject{Namespace: "data"}, Token: ofOrganization}); !d.Allowed {
		t.Errorf("without rules an AstroConnection serves its namespace: %+v", d)
	}
}
