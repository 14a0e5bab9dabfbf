package decision

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
)

func TestForbidden(t *testing.T) {
	only := allowing
	byName := only(func(r *v1alpha1.AllowRule) {
		r.Tokens = []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, NamePrefixes: []string{"ci"}}}
	})
	byID := only(func(r *v1alpha1.AllowRule) {
		r.Tokens = []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, IDs: []string{token1}}}
	})
	inW1 := only(func(r *v1alpha1.AllowRule) { r.Targets = []v1alpha1.TargetRule{{WorkspaceIDs: []string{"w1"}}} })
	otherNamespace := only(func(r *v1alpha1.AllowRule) { r.Namespaces = v1alpha1.NamespaceRule{Names: []string{"x"}} })
	unfound := func(b *Binding) { b.Target = TargetFinding{Looked: true} }
	rulings{
		"ByPresentName":   {"The present name of the token counts.", of(binding("a").through("acme", byName)), "Want"},
		"ByNameNoMore":    {"A token that was renamed out of the rule is not allowed.", of(binding("a").named("ci").claimed(1).through("acme", byName), token(func(o *Observation) { o.Token.Name = "prod" })), "Hold TokenNotAllowed, withdrawn"},
		"ByWordOfTheUser": {"While the token is not there, the user's words are asked about, so that the answer does not tell which.", of(binding("a").named("ci-x").through("acme", byName), presence(Absent)), "None TokenNotFound"},
		"ByWordNotAllowed": {
			"And the rules refuse the same with or without the token.", of(binding("a").named("prod").through("acme", byName), presence(Absent)), "None TokenNotAllowed",
		},
		"ByIDSaysNoName": {
			"For a token by id that is not there no name counts.", of(binding("a").through("acme", byName), presence(Absent)), "None TokenNotAllowed",
		},
		"ByID": {"Its id does.", of(binding("a").through("acme", byID), presence(Absent)), "None TokenNotFound"},
		"ScopeClaimed": {
			"A Workspace token that the user calls an Organization token is as one that is not there, where the rules do not allow the real one.",
			of(binding("a").on(d1).through("acme", byID), workspaceToken(w1)), "None TokenNotFound",
		},
		"ScopeMistaken":        {"Where they allow it, the mistake is told.", of(binding("a").on(d1), workspaceToken(w1)), "None TokenScopeMismatch"},
		"DeploymentByParent":   {"A Workspace in the rules covers its Deployments.", of(binding("a").on(d1).through("acme", inW1)), "Want"},
		"DeploymentElsewhere":  {"And no others.", of(binding("a").on(d3).through("acme", inW1)), "None TargetNotAllowed"},
		"DeploymentByWord":     {"A Deployment by name that is not there is asked about where the user says it is.", of(binding("a").on(d1).targetNamed().but(unfound).through("acme", inW1)), "None TargetNotFound"},
		"DeploymentByIDNoWord": {"One by id may be anywhere, whatever the user says.", of(binding("a").on(d1).edit(func(o *v1alpha1.ScopedTokenBinding) { o.Spec.Target.WorkspaceID = "w1" }).but(unfound).through("acme", inW1)), "None TargetNotAllowed"},
		"DeploymentAsPinned":   {"One that was found once is where it was found.", of(binding("a").on(d1).claimed(1).edited().but(unfound).through("acme", inW1), holds(d1, admin)), "Hold TargetNotFound"},
		"Labels":               {"Labels that could not be read say nothing about the rules.", of(binding("a").claimed(1).but(func(b *Binding) { b.LabelsErr = errOdd })), "Hold Unreachable"},
		"LabelsWithdrawNothing": {
			"And withdraw nothing.", of(binding("a").claimed(1).but(func(b *Binding) { b.LabelsErr = errOdd }).through("acme", otherNamespace, withdrawing)), "Hold Unreachable",
		},
		"NamespaceFirst": {"A namespace that no rule speaks to learns nothing of the token.", of(binding("a").through("acme", otherNamespace), presence(Gone)), "None NamespaceNotAllowed"},
	}.check(t)
}

func TestWhatRulesAreAskedAbout(t *testing.T) {
	s := situation(ofWorkspace(binding("a").on(d1), "w9"), workspaceToken(w1))
	differ(t, "The home of a token is what Astro shows, not what the user says.", "facts",
		policy.TokenFacts{ID: token1, Name: "ci", Scope: v1alpha1.ScopeWorkspace, WorkspaceID: "w1"}, s.tokenFacts(&s.Bindings[0]))
	found := shown(d3)
	differ(t, "So is the Workspace of a Deployment.", "facts",
		policy.TargetFacts{Kind: v1alpha1.TargetDeployment, ID: "d3", WorkspaceID: "w2"}, targetFacts(&s.Bindings[0], &found))
}

func TestOthersAreNamedAsFarAsTheRulesAllow(t *testing.T) {
	inventory := allowing(func(r *v1alpha1.AllowRule) { r.Inventory = true })
	blue := map[string]string{"team": "blue"}
	selected := allowing(func(r *v1alpha1.AllowRule) {
		r.Inventory, r.Namespaces = true, v1alpha1.NamespaceRule{Selector: &metav1.LabelSelector{MatchLabels: blue}}
	})
	type edits = []func(*Connection)
	const hidden, named = "a ScopedTokenBinding of another namespace", "ScopedTokenBinding other/a"
	cases := map[string]struct {
		reason, namespace string // of the one that was first
		first, reader     edits  // of their connections
		labels            map[string]string
		want              string
	}{
		"SameNamespace":  {"Whoever shares the namespace may be named.", "team", nil, nil, nil, "ScopedTokenBinding team/a"},
		"OtherNamespace": {"Others may not.", "other", nil, nil, nil, hidden},
		"Inventory":      {"Unless an inventory shows them anyway.", "other", edits{inventory}, edits{inventory}, nil, named},
		"OwnConnection":  {"A connection of the reader's own allows it everything, and shows it nobody else's.", "other", nil, edits{ownOf("team")}, nil, hidden},
		"OtherRules":     {"Nor do the rules of any other connection than that of the binding.", "other", nil, edits{inventory}, nil, hidden},
		"ShownAnyway":    {"What that one would show is named, whichever the reader's is.", "other", edits{inventory}, edits{ownOf("team")}, nil, named},
		"OthersOwn":      {"A connection of another namespace shows nobody else anything.", "other", edits{ownOf("other")}, edits{inventory}, nil, hidden},
		"OthersOwnRules": {"Whatever its rules say.", "other", edits{ownOf("other", everything()), inventory}, edits{inventory}, nil, hidden},
		"NoConnection":   {"Nor does one that there is not.", "other", edits{func(c *Connection) { c.Object = nil }}, edits{inventory}, nil, hidden},
		"Labels":         {"The labels are those of the reader's namespace, though its own connection asks for none.", "other", edits{selected}, edits{ownOf("team")}, blue, named},
		"NoLabels":       {"Without them it is not told.", "other", edits{selected}, edits{ownOf("team")}, nil, hidden},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			first := binding("a").in(c.namespace).claimed(1).through("first", c.first...)
			loser := binding("b").role(owner).through("reader", c.reader...).but(func(b *Binding) { b.Labels = c.labels })
			w := drive(t, situation(first, loser, holds(w1, member)))
			if got := w.message("b"); !strings.HasPrefix(got, c.want+" was first and declares "+member) {
				t.Errorf("%s\nwant %q first, got %q", c.reason, c.want, got)
			}
		})
	}
}

// ownOf makes the connection an AstroConnection of the namespace, with these rules.
func ownOf(namespace string, rules ...v1alpha1.AllowRule) func(*Connection) {
	return func(c *Connection) {
		own := &v1alpha1.AstroConnection{Spec: *c.Object.ConnectionSpec()}
		own.Namespace, own.Name, own.Spec.Allow = namespace, c.Object.GetName(), rules
		c.Object = own
	}
}
