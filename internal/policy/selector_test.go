package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"pgregory.net/rapid"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// largest are as many rules as a connection may have, each with as many expressions and values as the schema takes. All of
// them have to be read to the end, by whoever is asked of.
func largest() *v1alpha1.AstroConnection {
	const rules, expressions, values = 256, 16, 64
	c := &v1alpha1.AstroConnection{}
	c.Namespace, c.Name = "data", "acme"
	for range rules {
		s := &metav1.LabelSelector{}
		for i := range expressions {
			e := metav1.LabelSelectorRequirement{Key: fmt.Sprintf("k%d", i), Operator: metav1.LabelSelectorOpNotIn}
			for range values {
				e.Values = append(e.Values, "v")
			}
			s.MatchExpressions = append(s.MatchExpressions, e)
		}
		c.Spec.Allow = append(c.Spec.Allow, v1alpha1.AllowRule{
			Namespaces: v1alpha1.NamespaceRule{Selector: s},
			Tokens:     []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, IDs: []string{"t1"}}},
			Targets:    []v1alpha1.TargetRule{{WorkspaceIDs: []string{"w1"}}}, Roles: []string{"*"},
		})
	}
	return c
}

// askOfLargest is what no rule of the largest rules allows, though each selects the namespace.
func askOfLargest() Request {
	return Request{
		Subject: Subject{Namespace: "data", Labels: map[string]string{"kubernetes.io/metadata.name": "data", "k0": "w"}},
		Token:   TokenFacts{ID: "t2", Scope: v1alpha1.ScopeOrganization},
	}
}

// BenchmarkLargestRules is what a look at a binding costs whose connection has the largest rules: under two milliseconds of processor.
func BenchmarkLargestRules(b *testing.B) {
	c, ask := largest(), askOfLargest()
	for b.Loop() {
		if Possible(c, ask).Reason != v1alpha1.ReasonTokenNotAllowed {
			b.Fatal("the rules were not read to the end")
		}
	}
}

// TestLargestRulesAreNotParsed is of what every check would cost once more: the rules are asked for each binding of a connection, by
// who serves all namespaces.
func TestLargestRulesAreNotParsed(t *testing.T) {
	const words = 20 // of the answer
	c, ask := largest(), askOfLargest()
	if allocated := testing.AllocsPerRun(2, func() { Possible(c, ask) }); allocated > words {
		t.Errorf("a check takes %v pieces of memory: the selectors are parsed each time", allocated)
	}
	other := maps.Clone(ask.Subject.Labels)
	other["k0"] = "x"
	if allocated := testing.AllocsPerRun(2, func() { TellsApart(c, ask.Subject.Labels, other) }); allocated > 0 {
		t.Errorf("a namespace's change of labels takes %v pieces of memory", allocated)
	}
}

// TestSelectorsSelectAsInKubernetes compares what is matched here with what Kubernetes' own library says.
func TestSelectorsSelectAsInKubernetes(t *testing.T) {
	long, domain := strings.Repeat("a", 63), strings.Repeat("a.", 126)+"a"
	keys := []string{
		"tier", "a", "example.com/tier", "kubernetes.io/metadata.name", "Tier", "a_b.c-d", long, domain + "/" + long,
		"", "/", "/tier", "example.com/", "a/b/c", "-a", "a-", "a b", "Example.com/tier", "a..b/tier", "-a/tier", "ä", long + "a", domain + "a/tier",
	}
	values := []string{"", "gold", "a", "A1", "a_b.c-d", long, "-a", "a-", ".", "a b", "ä", long + "a", "a/b"}
	operators := []metav1.LabelSelectorOperator{
		metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist, "Near", "",
	}
	rapid.Check(t, func(t *rapid.T) {
		key, value := rapid.SampledFrom(keys), rapid.SampledFrom(values)
		set := rapid.MapOfN(rapid.SampledFrom(keys[:8]), rapid.SampledFrom(values[:6]), 1, 4).Draw(t, "labels")
		s := &metav1.LabelSelector{}
		if rapid.Bool().Draw(t, "by labels") {
			s.MatchLabels = rapid.MapOfN(key, value, 0, 2).Draw(t, "matchLabels")
		}
		for range rapid.IntRange(0, 2).Draw(t, "expressions") {
			s.MatchExpressions = append(s.MatchExpressions, metav1.LabelSelectorRequirement{
				Key: key.Draw(t, "key"), Operator: rapid.SampledFrom(operators).Draw(t, "operator"), Values: rapid.SliceOfN(value, 0, 3).Draw(t, "values"),
			})
		}
		kubernetes, err := metav1.LabelSelectorAsSelector(s)
		want := err == nil && !kubernetes.Empty() && kubernetes.Matches(labels.Set(set))
		if got := selects(s, set); got != want {
			t.Errorf("%v selects %v: %v, want %v (%v)", s, set, got, want, err)
		}
	})
	for _, k := range keys {
		e := metav1.LabelSelectorRequirement{Key: k, Operator: metav1.LabelSelectorOpDoesNotExist}
		_, err := metav1.LabelSelectorAsSelector(&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{e}})
		if validKey(k) != (err == nil) {
			t.Errorf("key %q: %v", k, err)
		}
	}
}

func TestTellsApart(t *testing.T) {
	c := &v1alpha1.ClusterAstroConnection{}
	c.Spec.Allow = []v1alpha1.AllowRule{
		{Namespaces: v1alpha1.NamespaceRule{Names: []string{"data"}}},
		{Namespaces: v1alpha1.NamespaceRule{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "data"}}}},
	}
	in, out := map[string]string{"team": "data"}, map[string]string{"team": "other"}
	if !TellsApart(c, in, out) || !TellsApart(c, nil, in) {
		t.Error("a namespace that leaves a rule, or comes under it, is noticed")
	}
	if TellsApart(c, out, nil) {
		t.Error("labels that no rule asks for are not")
	}
	if c.Spec.Allow = slices.Clone(c.Spec.Allow[:1]); TellsApart(c, in, out) {
		t.Error("nor are they where no rule goes by labels")
	}
}
