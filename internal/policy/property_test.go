package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	. "github.com/scopedtoken/scopedtoken-operator/internal/policy"
)

// subset draws some of the words, nil, or an empty list.
func subset(t *rapid.T, what string, words ...string) []string {
	if rapid.IntRange(0, 2).Draw(t, what+" given") == 0 {
		return nil
	}
	return rapid.SliceOfNDistinct(rapid.SampledFrom(words), 0, 2, rapid.ID[string]).Draw(t, what)
}

func drawRule(t *rapid.T) v1alpha1.AllowRule {
	r := v1alpha1.AllowRule{
		Namespaces: v1alpha1.NamespaceRule{Names: subset(t, "namespaces", "team-a", "team-b", "*")},
		Roles:      subset(t, "roles", admin, "Viewer", "*"),
		Inventory:  rapid.Bool().Draw(t, "inventory"),
	}
	if rapid.IntRange(0, 3).Draw(t, "selector given") == 0 {
		r.Namespaces.Selector = &metav1.LabelSelector{MatchLabels: rapid.SampledFrom([]map[string]string{
			nil, {"tier": "gold"}, {"tier": "silver"},
		}).Draw(t, "selector")}
	}
	for range rapid.IntRange(0, 2).Draw(t, "token rules") {
		r.Tokens = append(r.Tokens, v1alpha1.TokenRule{
			Scope:        drawScope(t),
			IDs:          subset(t, "ids", orgToken, wsToken, "*"),
			NamePrefixes: subset(t, "prefixes", "ci-", "etl", "*"),
			WorkspaceIDs: subset(t, "homes", workspace, elsewhere, "*"),
		})
	}
	for range rapid.IntRange(0, 2).Draw(t, "target rules") {
		r.Targets = append(r.Targets, v1alpha1.TargetRule{
			WorkspaceIDs:  subset(t, "workspaces", workspace, elsewhere, "*"),
			DeploymentIDs: subset(t, "deployments", prod, stage, "*"),
		})
	}
	return r
}

func drawScope(t *rapid.T) v1alpha1.Scope {
	return rapid.SampledFrom([]v1alpha1.Scope{v1alpha1.ScopeOrganization, v1alpha1.ScopeWorkspace}).Draw(t, "scope")
}

func drawRules(t *rapid.T) []v1alpha1.AllowRule {
	return rapid.SliceOfN(rapid.Custom(drawRule), 0, 4).Draw(t, "rules")
}

func drawRequest(t *rapid.T) Request {
	one := func(what string, words ...string) string { return rapid.SampledFrom(words).Draw(t, what) }
	kind := rapid.SampledFrom([]v1alpha1.TargetKind{v1alpha1.TargetWorkspace, v1alpha1.TargetDeployment}).Draw(t, "kind")
	return Request{
		Subject: Subject{Namespace: one("from", "team-a", "team-b", "team-c"), Labels: map[string]string{"tier": one("tier", "gold", "silver")}},
		Token:   TokenFacts{ID: one("token", orgToken, wsToken, ""), Name: one("name", "ci-x", "etl", "other", ""), Scope: drawScope(t), WorkspaceID: one("home", workspace, elsewhere, "")},
		Target:  TargetFacts{Kind: kind, ID: one("target", workspace, elsewhere, prod, stage, ""), WorkspaceID: one("of", workspace, elsewhere, "")},
		Role:    one("role", admin, "Viewer", "Other", ""),
	}
}

// both are a connection of each kind with the rules.
func both(rules []v1alpha1.AllowRule) []v1alpha1.Connection {
	return []v1alpha1.Connection{clusterConnection(rules...), connection(rules...)}
}

func TestProperties(t *testing.T) {
	for name, property := range map[string]func(*rapid.T){
		"AddingARuleForbidsNothing":         addingARuleForbidsNothing,
		"OrderOfRulesDoesNotMatter":         orderOfRulesDoesNotMatter,
		"WithoutRulesNothingIsAllowed":      withoutRulesNothing,
		"WhatIsAllowedIsAllowedByOneRule":   allowedByOneRule,
		"KnowingMoreForbidsNothing":         knowingMoreForbidsNothing,
		"ARefusalDoesNotTellWhatExists":     refusalTellsNothing,
		"NoConnectionServesOtherNamespaces": servesNoOther,
		"WhatIsAllowedWasPossible":          allowedWasPossible,
	} {
		t.Run(name, func(t *testing.T) { rapid.Check(t, property) })
	}
}

func addingARuleForbidsNothing(t *rapid.T) {
	rules, r := append(drawRules(t), drawRule(t)), drawRequest(t)
	before, after := rules[:len(rules)-1], rules
	if len(before) == 0 {
		return // an AstroConnection without rules is open to its namespace, which the first rule ends
	}
	for i := range both(rules) {
		if Check(both(before)[i], r).Allowed && !Check(both(after)[i], r).Allowed {
			t.Error("another rule forbids what was allowed")
		}
		if CheckInventory(both(before)[i], r.Subject, r.Target).Allowed && !CheckInventory(both(after)[i], r.Subject, r.Target).Allowed {
			t.Error("another rule forbids an inventory that was allowed")
		}
	}
}

// allowedWasPossible: what is said without a look at Astro refuses nothing that the look would show to be allowed.
func allowedWasPossible(t *rapid.T) {
	rules, r := drawRules(t), drawRequest(t)
	known := Request{Subject: r.Subject, Token: TokenFacts{ID: r.Token.ID, Scope: r.Token.Scope}, Target: TargetFacts{Kind: r.Target.Kind, ID: r.Target.ID}, Role: r.Role}
	named := TargetFacts{Kind: r.Target.Kind}
	for _, c := range both(rules) {
		if Check(c, r).Allowed && !Possible(c, known).Allowed {
			t.Error("a binding that is allowed was not possible")
		}
		possible := PossibleInventory(c, r.Subject, known.Target).Allowed && PossibleInventory(c, r.Subject, named).Allowed
		if CheckInventory(c, r.Subject, r.Target).Allowed && !possible {
			t.Error("an inventory that is allowed was not possible")
		}
	}
}

func orderOfRulesDoesNotMatter(t *rapid.T) {
	rules, r := drawRules(t), drawRequest(t)
	shuffled := rapid.Permutation(rules).Draw(t, "in another order")
	for i := range both(rules) {
		diff := cmp.Diff(Check(both(rules)[i], r), Check(both(shuffled)[i], r)) +
			cmp.Diff(CheckInventory(both(rules)[i], r.Subject, r.Target), CheckInventory(both(shuffled)[i], r.Subject, r.Target))
		if diff != "" {
			t.Errorf("-one order +another:\n%s", diff)
		}
	}
}

func withoutRulesNothing(t *rapid.T) {
	r := drawRequest(t)
	if Check(clusterConnection(), r).Allowed || CheckInventory(clusterConnection(), r.Subject, r.Target).Allowed {
		t.Errorf("allowed without a rule: %+v", r)
	}
}

func allowedByOneRule(t *rapid.T) {
	rules, r := drawRules(t), drawRequest(t)
	one := slices.ContainsFunc(rules, func(rule v1alpha1.AllowRule) bool { return Check(clusterConnection(rule), r).Allowed })
	if got := Check(clusterConnection(rules...), r); got.Allowed != one {
		t.Errorf("one rule by itself allows it: %v; all together: %+v", one, got)
	}
}

// known are the facts with those that were not known filled in.
func known(t *rapid.T, r Request) Request {
	fill := func(to *string, words ...string) {
		if *to == "" {
			*to = rapid.SampledFrom(words).Draw(t, "now known")
		}
	}
	fill(&r.Token.ID, orgToken, wsToken, "unlisted")
	fill(&r.Token.Name, "ci-x", "etl", "unlisted")
	fill(&r.Token.WorkspaceID, workspace, elsewhere, "unlisted")
	fill(&r.Target.ID, prod, stage, workspace, "unlisted")
	fill(&r.Target.WorkspaceID, workspace, elsewhere, "unlisted")
	return r
}

func knowingMoreForbidsNothing(t *rapid.T) {
	rules, r := drawRules(t), drawRequest(t)
	if more := known(t, r); Check(clusterConnection(rules...), r).Allowed && !Check(clusterConnection(rules...), more).Allowed {
		t.Errorf("allowed while not known, and not as %+v", more)
	}
}

// refusalTellsNothing: one that no list names is refused in the same words as one that does not exist, and no refusal
// repeats what was looked up.
func refusalTellsNothing(t *rapid.T) {
	rules, r := drawRules(t), drawRequest(t)
	absent, unlisted := r, r
	absent.Token.ID, absent.Token.Name, absent.Target.ID, absent.Target.WorkspaceID = "", "", "", ""
	unlisted.Token.ID, unlisted.Token.Name, unlisted.Target.ID, unlisted.Target.WorkspaceID = "unlisted", "unlisted", "unlisted", "unlisted"
	for _, c := range both(rules) {
		if diff := cmp.Diff(Check(c, absent), Check(c, unlisted)); diff != "" {
			t.Errorf("-absent +unlisted:\n%s", diff)
		}
		if diff := cmp.Diff(CheckInventory(c, r.Subject, absent.Target), CheckInventory(c, r.Subject, unlisted.Target)); diff != "" {
			t.Errorf("inventory -absent +unlisted:\n%s", diff)
		}
		for _, secret := range []string{r.Token.ID, r.Token.Name, r.Token.WorkspaceID, r.Target.ID, r.Target.WorkspaceID} {
			if got := Check(c, r); secret != "" && strings.Contains(got.Message, secret) {
				t.Errorf("%q repeats %q", got.Message, secret)
			}
		}
	}
}

func servesNoOther(t *rapid.T) {
	c, r := connection(drawRules(t)...), drawRequest(t)
	if r.Subject.Namespace != c.Namespace && (Check(c, r).Allowed || CheckInventory(c, r.Subject, r.Target).Allowed) {
		t.Errorf("serves %s", r.Subject.Namespace)
	}
}
