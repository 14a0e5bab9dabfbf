package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	. "github.com/scopedtoken/scopedtoken-operator/internal/policy"
)

const (
	orgToken  = "clt0000000000000000000001"
	wsToken   = "clt0000000000000000000002"
	workspace = "clw0000000000000000000001"
	elsewhere = "clw0000000000000000000002"
	prod      = "cld0000000000000000000001"
	stage     = "cld0000000000000000000002"
	admin     = "DEPLOYMENT_ADMIN"
)

// clusterConnection is one with the rules; without any it allows nobody anything.
func clusterConnection(rules ...v1alpha1.AllowRule) *v1alpha1.ClusterAstroConnection {
	return &v1alpha1.ClusterAstroConnection{
		ObjectMeta: metav1.ObjectMeta{Name: "acme"}, Spec: v1alpha1.ConnectionSpec{Allow: rules},
	}
}

// connection is one of the namespace team-a.
func connection(rules ...v1alpha1.AllowRule) *v1alpha1.AstroConnection {
	return &v1alpha1.AstroConnection{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "mine"}, Spec: v1alpha1.ConnectionSpec{Allow: rules},
	}
}

// rule allows team-a the Organization token the admin role on the Workspace and its Deployments, but for the edits.
func rule(edits ...func(*v1alpha1.AllowRule)) v1alpha1.AllowRule {
	r := v1alpha1.AllowRule{
		Namespaces: v1alpha1.NamespaceRule{Names: []string{"team-a"}},
		Tokens:     []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, IDs: []string{orgToken}}},
		Targets:    []v1alpha1.TargetRule{{WorkspaceIDs: []string{workspace}}},
		Roles:      []string{admin},
	}
	for _, edit := range edits {
		edit(&r)
	}
	return r
}

func namespaces(n v1alpha1.NamespaceRule) func(*v1alpha1.AllowRule) {
	return func(r *v1alpha1.AllowRule) { r.Namespaces = n }
}

func tokens(t ...v1alpha1.TokenRule) func(*v1alpha1.AllowRule) {
	return func(r *v1alpha1.AllowRule) { r.Tokens = t }
}

func targets(t ...v1alpha1.TargetRule) func(*v1alpha1.AllowRule) {
	return func(r *v1alpha1.AllowRule) { r.Targets = t }
}

func roles(names ...string) func(*v1alpha1.AllowRule) {
	return func(r *v1alpha1.AllowRule) { r.Roles = names }
}

func withInventory(r *v1alpha1.AllowRule) { r.Inventory = true }

// request is what the rule allows, but for the edits.
func request(edits ...func(*Request)) Request {
	r := Request{
		Subject: Subject{Namespace: "team-a", Labels: map[string]string{"kubernetes.io/metadata.name": "team-a", "tier": "gold"}},
		Token:   TokenFacts{ID: orgToken, Name: "ci-deployer", Scope: v1alpha1.ScopeOrganization},
		Target:  TargetFacts{Kind: v1alpha1.TargetDeployment, ID: prod, WorkspaceID: workspace},
		Role:    admin,
	}
	for _, edit := range edits {
		edit(&r)
	}
	return r
}

func from(namespace string) func(*Request) {
	return func(r *Request) { r.Subject.Namespace = namespace }
}

func withToken(t TokenFacts) func(*Request) { return func(r *Request) { r.Token = t } }

func onTarget(t TargetFacts) func(*Request) { return func(r *Request) { r.Target = t } }

func withRole(role string) func(*Request) { return func(r *Request) { r.Role = role } }

func TestCheckStages(t *testing.T) {
	other := withToken(TokenFacts{ID: wsToken, Scope: v1alpha1.ScopeOrganization})
	abroad := onTarget(TargetFacts{Kind: v1alpha1.TargetDeployment, ID: stage, WorkspaceID: elsewhere})
	cases := map[string]struct {
		reason     string
		connection v1alpha1.Connection
		request    Request
		want       string
	}{
		"Allowed":              {"All of one rule matches.", clusterConnection(rule()), request(), v1alpha1.ReasonAccepted},
		"NoRules":              {"A cluster connection without rules allows nobody.", clusterConnection(), request(), v1alpha1.ReasonNamespaceNotAllowed},
		"OtherNamespace":       {"The rule speaks to another namespace.", clusterConnection(rule()), request(from("team-b")), v1alpha1.ReasonNamespaceNotAllowed},
		"OtherToken":           {"The rule speaks of another token.", clusterConnection(rule()), request(other), v1alpha1.ReasonTokenNotAllowed},
		"OtherTarget":          {"The rule speaks of another target.", clusterConnection(rule()), request(abroad), v1alpha1.ReasonTargetNotAllowed},
		"OtherRole":            {"The rule speaks of another role.", clusterConnection(rule()), request(withRole("Viewer")), v1alpha1.ReasonRoleNotAllowed},
		"RolesAreExact":        {"Letter case counts.", clusterConnection(rule()), request(withRole("deployment_admin")), v1alpha1.ReasonRoleNotAllowed},
		"AnyOneRuleSuffices":   {"Rules before and after that do not match do not matter.", clusterConnection(rule(roles("X")), rule(), rule(roles("Y"))), request(), v1alpha1.ReasonAccepted},
		"RulesDoNotCombine":    {"What two rules allow half each is not allowed.", clusterConnection(rule(roles("X")), rule(targets(v1alpha1.TargetRule{WorkspaceIDs: []string{elsewhere}}))), request(), v1alpha1.ReasonRoleNotAllowed},
		"FurthestStageIsTold":  {"The rule that came furthest says what is missing.", clusterConnection(rule(namespaces(v1alpha1.NamespaceRule{Names: []string{"x"}})), rule(roles("X")), rule(tokens())), request(), v1alpha1.ReasonRoleNotAllowed},
		"OwnNamespace":         {"A connection without rules allows its namespace everything.", connection(), request(), v1alpha1.ReasonAccepted},
		"NotOwnNamespace":      {"A connection allows no other namespace anything.", connection(), request(from("team-b")), v1alpha1.ReasonNamespaceNotAllowed},
		"NoNamespace":          {"Nor one that is not named.", &v1alpha1.AstroConnection{}, request(from("")), v1alpha1.ReasonNamespaceNotAllowed},
		"OwnNamespaceByRule":   {"The rules of a connection count for its namespace.", connection(rule()), request(), v1alpha1.ReasonAccepted},
		"OwnNamespaceNotRuled": {"Where there are rules, what they do not allow is not allowed.", connection(rule()), request(withRole("Viewer")), v1alpha1.ReasonRoleNotAllowed},
		"OwnNamespaceUnnamed":  {"Rules for others do not speak to the own namespace.", connection(rule(namespaces(v1alpha1.NamespaceRule{Names: []string{"team-b"}}))), request(), v1alpha1.ReasonNamespaceNotAllowed},
		"RulesOpenNoOther":     {"No rule opens a connection to another namespace.", connection(rule(namespaces(v1alpha1.NamespaceRule{Names: []string{"*"}}))), request(from("team-b")), v1alpha1.ReasonNamespaceNotAllowed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := Check(c.connection, c.request)
			if got.Reason != c.want || got.Allowed != (c.want == v1alpha1.ReasonAccepted) {
				t.Errorf("%s\nwant %s, got %+v", c.reason, c.want, got)
			}
			if got.Allowed != (got.Message == "") {
				t.Errorf("a refusal has a message, an approval needs none: %+v", got)
			}
		})
	}
}

func TestCheckInventory(t *testing.T) {
	inWorkspace := TargetFacts{Kind: v1alpha1.TargetWorkspace, ID: workspace}
	all := rule(withInventory)
	cases := map[string]struct {
		reason     string
		connection v1alpha1.Connection
		namespace  string
		target     TargetFacts
		want       string
	}{
		"Allowed":            {"A rule says so.", clusterConnection(rule(), all), "team-a", inWorkspace, v1alpha1.ReasonAccepted},
		"Deployment":         {"A Workspace covers its Deployments.", clusterConnection(all), "team-a", TargetFacts{v1alpha1.TargetDeployment, prod, workspace}, v1alpha1.ReasonAccepted},
		"NoRules":            {"A cluster connection without rules shows nobody anything.", clusterConnection(), "team-a", inWorkspace, v1alpha1.ReasonNamespaceNotAllowed},
		"NotByOtherRules":    {"A rule that allows bindings does not allow an inventory.", clusterConnection(rule()), "team-a", inWorkspace, v1alpha1.ReasonInventoryNotAllowed},
		"OtherTarget":        {"The rule speaks of another target.", clusterConnection(all), "team-a", TargetFacts{v1alpha1.TargetWorkspace, elsewhere, ""}, v1alpha1.ReasonInventoryNotAllowed},
		"TargetNotKnown":     {"What is not known matches no id.", clusterConnection(all), "team-a", TargetFacts{Kind: v1alpha1.TargetWorkspace}, v1alpha1.ReasonInventoryNotAllowed},
		"OtherNamespace":     {"The rule speaks to another namespace.", clusterConnection(all), "team-b", inWorkspace, v1alpha1.ReasonNamespaceNotAllowed},
		"TokensDoNotMatter":  {"An inventory is of all tokens.", clusterConnection(rule(withInventory, tokens(), roles())), "team-a", inWorkspace, v1alpha1.ReasonAccepted},
		"OwnNamespace":       {"A connection without rules shows its namespace everything.", connection(), "team-a", inWorkspace, v1alpha1.ReasonAccepted},
		"NotOwnNamespace":    {"And no other anything.", connection(all), "team-b", inWorkspace, v1alpha1.ReasonNamespaceNotAllowed},
		"OwnNamespaceByRule": {"With rules, it takes one that says so.", connection(rule()), "team-a", inWorkspace, v1alpha1.ReasonInventoryNotAllowed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := CheckInventory(c.connection, Subject{Namespace: c.namespace}, c.target)
			if got.Reason != c.want || got.Allowed != (c.want == v1alpha1.ReasonAccepted) || got.Allowed != (got.Message == "") {
				t.Errorf("%s\nwant %s, got %+v", c.reason, c.want, got)
			}
		})
	}
}

func TestMayName(t *testing.T) {
	inWorkspace := TargetFacts{Kind: v1alpha1.TargetWorkspace, ID: workspace}
	all := rule(withInventory)
	selected := rule(withInventory, namespaces(v1alpha1.NamespaceRule{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "a"}}}))
	reader := Subject{Namespace: "team-a", Labels: map[string]string{"team": "a"}}
	cases := map[string]struct {
		reason     string
		connection v1alpha1.Connection // of the binding
		namespace  string              // of the binding
		reader     Subject
		target     TargetFacts
		want       bool
	}{
		"SameNamespace":   {"It is the reader's own.", clusterConnection(), "team-a", reader, inWorkspace, true},
		"SameNoneAnyMore": {"Whatever has become of its connection.", nil, "team-a", reader, inWorkspace, true},
		"NoRule":          {"No rule of its connection shows it.", clusterConnection(rule()), "team-b", reader, inWorkspace, false},
		"Inventory":       {"An inventory through its connection would show it.", clusterConnection(all), "team-b", reader, inWorkspace, true},
		"Labels":          {"Be it by the labels of the reader's namespace.", clusterConnection(selected), "team-b", reader, inWorkspace, true},
		"NoLabels":        {"Which have to be known.", clusterConnection(selected), "team-b", Subject{Namespace: "team-a"}, inWorkspace, false},
		"OtherReader":     {"The rule speaks to another namespace.", clusterConnection(all), "team-b", Subject{Namespace: "team-c"}, inWorkspace, false},
		"OtherTarget":     {"The rule speaks of another target.", clusterConnection(all), "team-b", reader, TargetFacts{v1alpha1.TargetWorkspace, elsewhere, ""}, false},
		"OthersOwn":       {"A connection of another namespace shows nobody else anything.", connection(all), "team-a", Subject{Namespace: "team-c"}, inWorkspace, false},
		"OthersOwnFree":   {"With rules or without.", connection(), "team-a", Subject{Namespace: "team-c"}, inWorkspace, false},
		"NoConnection":    {"There is no connection that could say so.", nil, "team-b", reader, inWorkspace, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := MayName(c.connection, c.namespace, c.reader, c.target); got != c.want {
				t.Errorf("%s\nwant %t, got %t", c.reason, c.want, got)
			}
		})
	}
}

func withRemovals(r *v1alpha1.AllowRule) { r.RemoveUndeclared = true }

func TestCheckRemovals(t *testing.T) {
	cases := map[string]struct {
		reason     string
		connection v1alpha1.Connection
		request    Request
		want       string // of the target as a whole
		role       bool   // this very role
	}{
		"Allowed":           {"A rule says so.", clusterConnection(rule(), rule(withRemovals)), request(), v1alpha1.ReasonAccepted, true},
		"NoRules":           {"A cluster connection without rules allows nothing.", clusterConnection(), request(), v1alpha1.ReasonNamespaceNotAllowed, false},
		"NotByInventory":    {"Who may look may not take away.", clusterConnection(rule(withInventory)), request(), v1alpha1.ReasonInventoryNotAllowed, false},
		"OtherNamespace":    {"The rule speaks to another namespace.", clusterConnection(rule(withRemovals)), request(from("team-b")), v1alpha1.ReasonNamespaceNotAllowed, false},
		"OtherTarget":       {"The rule speaks of another target.", clusterConnection(rule(withRemovals)), request(onTarget(TargetFacts{v1alpha1.TargetWorkspace, elsewhere, ""})), v1alpha1.ReasonInventoryNotAllowed, false},
		"OtherToken":        {"What is removed is of the rule's tokens.", clusterConnection(rule(withRemovals)), request(withToken(TokenFacts{ID: wsToken, Scope: v1alpha1.ScopeOrganization})), v1alpha1.ReasonAccepted, false},
		"OtherRole":         {"And of its roles.", clusterConnection(rule(withRemovals)), request(withRole("Viewer")), v1alpha1.ReasonAccepted, false},
		"RulesDoNotCombine": {"What two rules allow half each is not allowed.", clusterConnection(rule(withRemovals, roles("Viewer")), rule()), request(), v1alpha1.ReasonAccepted, false},
		"OwnNamespace":      {"A connection without rules allows it nobody: none has said so.", connection(), request(), v1alpha1.ReasonInventoryNotAllowed, false},
		"OwnNamespaceRule":  {"With one it does.", connection(rule(withRemovals)), request(), v1alpha1.ReasonAccepted, true},
		"NotOwnNamespace":   {"And no other namespace.", connection(rule(withRemovals, namespaces(v1alpha1.NamespaceRule{Names: []string{"*"}}))), request(from("team-b")), v1alpha1.ReasonNamespaceNotAllowed, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := CheckRemovals(c.connection, c.request.Subject, c.request.Target)
			if got.Reason != c.want || got.Allowed != (c.want == v1alpha1.ReasonAccepted) || got.Allowed != (got.Message == "") {
				t.Errorf("%s\nwant %s, got %+v", c.reason, c.want, got)
			}
			if got := MayRemove(c.connection, c.request); got != c.role {
				t.Errorf("%s\nwant %t of the role, got %t", c.reason, c.role, got)
			}
		})
	}
	unknown := TargetFacts{Kind: v1alpha1.TargetDeployment, ID: prod}
	if !PossibleRemovals(clusterConnection(rule(withRemovals)), request().Subject, unknown).Allowed || PossibleRemovals(clusterConnection(rule()), request().Subject, unknown).Allowed {
		t.Error("what may be allowed once it is found is refused before, or the other way round")
	}
}

// TestPossibleInventory: what can be refused without a look at Astro is.
func TestPossibleInventory(t *testing.T) {
	deployment := TargetFacts{Kind: v1alpha1.TargetDeployment, ID: prod}
	one := func(r *v1alpha1.AllowRule) { r.Targets = []v1alpha1.TargetRule{{DeploymentIDs: []string{stage}}} }
	for name, c := range map[string]struct {
		reason string
		rule   v1alpha1.AllowRule
		from   string
		target TargetFacts
		want   bool
	}{
		"Workspace":      {"The Deployment may be in the rule's Workspace.", rule(withInventory), "team-a", deployment, true},
		"OtherWorkspace": {"A Workspace is where it is.", rule(withInventory), "team-a", TargetFacts{Kind: v1alpha1.TargetWorkspace, ID: elsewhere}, false},
		"OtherTarget":    {"The rule names another Deployment, and no Workspace.", rule(withInventory, one), "team-a", deployment, false},
		"Named":          {"The name may be that of the rule's.", rule(withInventory, one), "team-a", TargetFacts{Kind: v1alpha1.TargetDeployment}, true},
		"NoInventory":    {"The rule is not about inventories.", rule(), "team-a", deployment, false},
		"OtherNamespace": {"Nor about the namespace.", rule(withInventory), "team-b", deployment, false},
	} {
		if got := PossibleInventory(clusterConnection(c.rule), Subject{Namespace: c.from}, c.target); got.Allowed != c.want {
			t.Errorf("%s: %s\nwant %t, got %+v", name, c.reason, c.want, got)
		}
	}
}

func TestMessages(t *testing.T) {
	cluster := clusterConnection(rule())
	subject := request().Subject
	cases := map[string]struct {
		got  Decision
		want []string
	}{
		"Namespace": {Check(cluster, request(from("team-b"))), []string{`ClusterAstroConnection "acme"`, `"team-b"`, "the namespaces of a rule in spec.allow"}},
		"Token":     {Check(cluster, request(withToken(TokenFacts{}))), []string{`ClusterAstroConnection "acme"`, `"team-a"`, "the tokens of a rule in spec.allow"}},
		"Target":    {Check(cluster, request(onTarget(TargetFacts{Kind: "Workspace"}))), []string{"this Workspace", "the targets of a rule in spec.allow"}},
		"Role":      {Check(cluster, request(withRole("Viewer"))), []string{`role "Viewer"`, "this Deployment", "the roles of a rule in spec.allow"}},
		"Inventory": {CheckInventory(cluster, subject, request().Target), []string{"inventory of this Deployment", "inventory: true"}},
		"Removal":   {CheckRemovals(cluster, subject, request().Target), []string{`ClusterAstroConnection "acme"`, "this Deployment", "removeUndeclared: true", "undeclared: Report"}},
		"NotOwn":    {Check(connection(), request(from("team-b"))), []string{`AstroConnection "mine"`, `"team-b"`, "ClusterAstroConnection"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, part := range c.want {
				if !strings.Contains(c.got.Message, part) {
					t.Errorf("%q does not say %s", c.got.Message, part)
				}
			}
		})
	}
	stranger := withToken(TokenFacts{ID: wsToken, Name: "somebody-else", Scope: v1alpha1.ScopeWorkspace, WorkspaceID: elsewhere})
	if diff := cmp.Diff(Check(cluster, request(withToken(TokenFacts{}))), Check(cluster, request(stranger))); diff != "" {
		t.Errorf("a token that exists is refused in other words than one that does not:\n%s", diff)
	}
}
