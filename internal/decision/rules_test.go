package decision

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

func TestUnreachable(t *testing.T) {
	set := func(edits ...func(*Connection)) *bindingBuilder { return binding("a").through("acme", edits...) }
	notReady := func(c *Connection) { c.Ready, c.Reason = false, "SecretNotFound" }
	notCallable := func(c *Connection) { c.Callable = false }
	moved := func(c *Connection) { c.Organization = "o2" }
	type facts struct {
		Reason                       string
		Silent, Transient, NeedsUser bool
	}
	cases := map[string]struct {
		reason  string
		binding *bindingBuilder
		want    facts
	}{
		"Ready":       {"The connection leads to the token.", set(), facts{}},
		"None":        {"There is no such connection.", set(func(c *Connection) { c.Object = nil }), facts{Reason: v1alpha1.ReasonConnectionNotFound}},
		"NotLookedAt": {"Its controller comes to it soon, so nothing is written.", set(func(c *Connection) { c.Host = "" }), facts{Reason: v1alpha1.ReasonConnectionNotReady, Silent: true, Transient: true}},
		"OtherOrganization": {
			"What is held elsewhere cannot be worked on through it.", binding("a").claimed(1).through("acme", moved), facts{Reason: v1alpha1.ReasonOrganizationMismatch},
		},
		"OtherHost": {
			"Nor at another Astro.", binding("a").claimed(1).through("acme", func(c *Connection) { c.Host = "other" }), facts{Reason: v1alpha1.ReasonOrganizationMismatch},
		},
		"PinnedElsewhere": {
			"A pin on a token of another Organization stands against it, too.", binding("a").seen().through("acme", moved), facts{Reason: v1alpha1.ReasonOrganizationMismatch},
		},
		"NotReady":          {"A connection without a credential takes nothing.", set(notReady), facts{Reason: v1alpha1.ReasonConnectionNotReady, Transient: true}},
		"NotReadyForAUser":  {"That somebody has to do something is passed on.", set(notReady, func(c *Connection) { c.NeedsUser = true }), facts{Reason: v1alpha1.ReasonConnectionNotReady, Transient: true, NeedsUser: true}},
		"NotReadyToDelete":  {"The last good credential revokes.", binding("a").claimed(1).deleting().through("acme", notReady), facts{}},
		"NoCredentialEver":  {"Without any it cannot.", binding("a").claimed(1).deleting().through("acme", notReady, notCallable), facts{Reason: v1alpha1.ReasonConnectionNotReady, Transient: true}},
		"Deleting":          {"It takes nothing new.", set(func(c *Connection) { c.Deleting = true }), facts{Reason: v1alpha1.ReasonConnectionNotReady, NeedsUser: true}},
		"DeletingAndInUse":  {"What it holds goes on.", binding("a").claimed(1).through("acme", func(c *Connection) { c.Deleting = true }), facts{}},
		"PinnedToThisToken": {"A pin on a token of this Organization does not.", binding("a").seen(), facts{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := situation(c.binding)
			var got facts
			if f := s.unreachable(&s.Bindings[0]); f != nil {
				got = facts{f.Reason, f.Silent, f.Transient, f.NeedsUser}
			}
			differ(t, c.reason, "fault", c.want, got)
			if c.want.Reason == "" && !s.reaches(&s.Bindings[0]) {
				t.Errorf("%s\nnothing stands in the way, and it does not reach the token", c.reason)
			}
		})
	}
}

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

func TestTargetsOfABinding(t *testing.T) {
	type query = astro.TargetQuery
	cases := map[string]struct {
		reason  string
		binding *bindingBuilder
		query   query
		needs   bool
	}{
		"ByID":          {"A new binding has to look.", binding("a").on(d1), query{Kind: astro.EntityDeployment, ID: "d1"}, true},
		"ByName":        {"By name, within the Workspace.", binding("a").on(d1).targetNamed(), query{Kind: astro.EntityDeployment, Name: "name of d1", WorkspaceID: "w1"}, true},
		"Pinned":        {"What was found is taken at its word while everything is in sync.", binding("a").on(d1).targetNamed().claimed(1), query{Kind: astro.EntityDeployment, ID: "d1"}, false},
		"Edited":        {"An edited spec looks again.", binding("a").on(d1).targetNamed().claimed(1).edited(), query{Kind: astro.EntityDeployment, ID: "d1"}, true},
		"Requested":     {"So does one whose user asks.", binding("a").on(d1).claimed(1).annotated(v1alpha1.AnnotationRequestedAt, "now"), query{Kind: astro.EntityDeployment, ID: "d1"}, true},
		"NotResolved":   {"And one that was not found.", binding("a").on(d1).claimed(1).edit(func(o *v1alpha1.ScopedTokenBinding) { o.Status.Conditions[1].Status = "False" }), query{Kind: astro.EntityDeployment, ID: "d1"}, true},
		"NoWorkspace":   {"A status without the Workspace does not say all of it.", binding("a").on(d1).claimed(1).edit(func(o *v1alpha1.ScopedTokenBinding) { o.Status.Target.WorkspaceID = "" }), query{Kind: astro.EntityDeployment, ID: "d1"}, true},
		"Workspace":     {"A Workspace is in itself.", binding("a").claimed(1), query{Kind: astro.EntityWorkspace, ID: "w1"}, false},
		"Restored":      {"A status that came back from a backup may be older than what Astro holds now.", binding("a").on(d1).claimed(1).edit(func(o *v1alpha1.ScopedTokenBinding) { o.Status.Claim.UID = "uid-before" }), query{Kind: astro.EntityDeployment, ID: "d1"}, true},
		"RecoveredOnly": {"A claim from the journal tells the target's id.", binding("a").on(d1).recovered(now).targetNamed(), query{Kind: astro.EntityDeployment, ID: "d1"}, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			differ(t, c.reason, "query", c.query, c.binding.b.TargetQuery())
			differ(t, c.reason, "needs a lookup", c.needs, c.binding.b.NeedsTarget())
		})
	}
}

func TestWordsOfABinding(t *testing.T) {
	b := ofWorkspace(binding("a").on(d1).targetNamed().role(""), "w1").b
	differ(t, "A target as the user spells it.", "words", `Deployment "name of d1" in Workspace w1`, b.TargetWords())
	differ(t, "A token as the user spells it.", "words", `Workspace token "t1" of Workspace w1`, b.TokenWords())
	differ(t, "A Deployment's role may be left out.", "role", admin, b.Role())
	differ(t, "A binding goes by its name.", "id", "team/a", b.ID())
	differ(t, "An orphan by its UID, since the name may be another's.", "id", "uid-b", binding("b").orphan().b.ID())
	s := situation(binding("a"), binding("b").on(d1))
	d := Decide(s)
	differ(t, "Each speaks of its own place.", "entries", []roleset.Target{w1, d1}, []roleset.Target{s.entry(&d, 0), s.entry(&d, 1)})
}
