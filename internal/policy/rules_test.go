package policy_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	. "github.com/scopedtoken/scopedtoken-operator/internal/policy"
)

// matchCase is one rule and one request, which goes through or not.
type matchCase struct {
	reason  string
	rule    v1alpha1.AllowRule
	request Request
	want    bool
}

func checkMatches(t *testing.T, cases map[string]matchCase) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Check(clusterConnection(c.rule), c.request); got.Allowed != c.want {
				t.Errorf("%s\nwant allowed %v, got %+v", c.reason, c.want, got)
			}
		})
	}
}

func TestNamespaceRules(t *testing.T) {
	by := func(n v1alpha1.NamespaceRule) v1alpha1.AllowRule { return rule(namespaces(n)) }
	selector := func(s metav1.LabelSelector) v1alpha1.AllowRule { return by(v1alpha1.NamespaceRule{Selector: &s}) }
	gold := metav1.LabelSelector{MatchLabels: map[string]string{"tier": "gold"}}
	silver := metav1.LabelSelector{MatchLabels: map[string]string{"tier": "silver"}}
	lacks := metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "guest", Operator: metav1.LabelSelectorOpDoesNotExist}}}
	invalid := metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "tier", Operator: "Near"}}}
	notKnown := func(r *Request) { r.Subject.Labels = nil }
	checkMatches(t, map[string]matchCase{
		"Name":               {"It is named.", by(v1alpha1.NamespaceRule{Names: []string{"x", "team-a"}}), request(), true},
		"EveryName":          {"The wildcard names it.", by(v1alpha1.NamespaceRule{Names: []string{"*"}}), request(), true},
		"NotAPattern":        {"A star inside a name is no wildcard.", by(v1alpha1.NamespaceRule{Names: []string{"team-*"}}), request(), false},
		"NoNames":            {"An empty list names nobody.", by(v1alpha1.NamespaceRule{Names: []string{}}), request(), false},
		"NothingGiven":       {"A rule without names and selector speaks to nobody.", by(v1alpha1.NamespaceRule{}), request(), false},
		"Selector":           {"The labels match.", selector(gold), request(), true},
		"OtherLabels":        {"The labels do not match.", selector(silver), request(), false},
		"EmptySelector":      {"An empty selector selects nobody.", selector(metav1.LabelSelector{}), request(), false},
		"InvalidSelector":    {"A selector that cannot be read selects nobody.", selector(invalid), request(), false},
		"Lacks":              {"It does not have the label.", selector(lacks), request(), true},
		"LabelsNotKnown":     {"That no label is known does not mean that there is none.", selector(lacks), request(notKnown), false},
		"NamesAndSelector":   {"Where both are given both must match.", by(v1alpha1.NamespaceRule{Names: []string{"team-a"}, Selector: &gold}), request(), true},
		"NamesNotSelector":   {"Where both are given both must match.", by(v1alpha1.NamespaceRule{Names: []string{"team-a"}, Selector: &silver}), request(), false},
		"NoNamesButSelector": {"An empty list is given, and names nobody.", by(v1alpha1.NamespaceRule{Names: []string{}, Selector: &gold}), request(), false},
		"Nobody":             {"A request from no namespace is refused.", by(v1alpha1.NamespaceRule{Names: []string{"*"}}), request(from("")), false},
	})
}

func TestTokenRules(t *testing.T) {
	const organization, inWorkspace = v1alpha1.ScopeOrganization, v1alpha1.ScopeWorkspace
	by := func(rules ...v1alpha1.TokenRule) v1alpha1.AllowRule { return rule(tokens(rules...)) }
	home := withToken(TokenFacts{ID: wsToken, Name: "etl", Scope: inWorkspace, WorkspaceID: workspace})
	spelled := withToken(TokenFacts{Name: "ci-deployer", Scope: organization})
	renamed := withToken(TokenFacts{ID: orgToken, Name: "prod-deployer", Scope: organization})
	onlyID := withToken(TokenFacts{ID: orgToken, Scope: organization})
	spelledAtHome := withToken(TokenFacts{Name: "etl", Scope: inWorkspace, WorkspaceID: workspace})
	noScope := withToken(TokenFacts{ID: orgToken})
	checkMatches(t, map[string]matchCase{
		"ID":                   {"It is listed.", by(v1alpha1.TokenRule{Scope: organization, IDs: []string{"x", orgToken}}), request(), true},
		"EveryID":              {"The wildcard stands for every token of the scope.", by(v1alpha1.TokenRule{Scope: organization, IDs: []string{"*"}}), request(), true},
		"EveryIDOfOtherScope":  {"The wildcard does not reach into another scope.", by(v1alpha1.TokenRule{Scope: inWorkspace, IDs: []string{"*"}}), request(), false},
		"ScopeNotKnown":        {"A token of unknown scope is of none.", by(v1alpha1.TokenRule{Scope: organization, IDs: []string{"*"}}), request(noScope), false},
		"NoScopeInRule":        {"A rule without a scope speaks of none.", by(v1alpha1.TokenRule{IDs: []string{"*"}}), request(noScope), false},
		"NoTokens":             {"A rule without tokens speaks of none.", by(), request(), false},
		"NothingGiven":         {"A scope alone does not mean all of it.", by(v1alpha1.TokenRule{Scope: organization}), request(), false},
		"NoIDs":                {"An empty list has nothing in it.", by(v1alpha1.TokenRule{Scope: organization, IDs: []string{}}), request(), false},
		"NoIDsButPrefix":       {"An empty list is given, and lists nothing.", by(v1alpha1.TokenRule{Scope: organization, IDs: []string{}, NamePrefixes: []string{"ci-"}}), request(), false},
		"IDNotKnown":           {"What is not known is in no list.", by(v1alpha1.TokenRule{Scope: organization, IDs: []string{orgToken, ""}}), request(spelled), false},
		"IDNotKnownByWildcard": {"But in the list of everything.", by(v1alpha1.TokenRule{Scope: organization, IDs: []string{"*"}}), request(spelled), true},
		"Prefix":               {"The name begins so.", by(v1alpha1.TokenRule{Scope: organization, NamePrefixes: []string{"x", "ci-"}}), request(), true},
		"PrefixOfSpelling":     {"The name as spelled begins so.", by(v1alpha1.TokenRule{Scope: organization, NamePrefixes: []string{"ci-"}}), request(spelled), true},
		"PrefixAfterRenaming":  {"The name it has now counts.", by(v1alpha1.TokenRule{Scope: organization, NamePrefixes: []string{"ci-"}}), request(renamed), false},
		"PrefixIsNoSuffix":     {"The name only contains it.", by(v1alpha1.TokenRule{Scope: organization, NamePrefixes: []string{"deployer"}}), request(), false},
		"PrefixLetterCase":     {"Letter case counts.", by(v1alpha1.TokenRule{Scope: organization, NamePrefixes: []string{"CI-"}}), request(), false},
		"EmptyPrefix":          {"Every name begins with nothing, which is not meant.", by(v1alpha1.TokenRule{Scope: organization, NamePrefixes: []string{""}}), request(), false},
		"EveryPrefix":          {"The wildcard stands for every name, known or not.", by(v1alpha1.TokenRule{Scope: organization, NamePrefixes: []string{"*"}}), request(onlyID), true},
		"PrefixWithStar":       {"A star at the end of a prefix is no wildcard.", by(v1alpha1.TokenRule{Scope: organization, NamePrefixes: []string{"ci-*"}}), request(), false},
		"NameNotKnown":         {"A name that is not known begins with nothing.", by(v1alpha1.TokenRule{Scope: organization, NamePrefixes: []string{"ci-"}}), request(onlyID), false},
		"Home":                 {"It was made there.", by(v1alpha1.TokenRule{Scope: inWorkspace, WorkspaceIDs: []string{workspace}}), request(home), true},
		"HomeOfSpelling":       {"A name is looked for there.", by(v1alpha1.TokenRule{Scope: inWorkspace, WorkspaceIDs: []string{workspace}}), request(spelledAtHome), true},
		"OtherHome":            {"It was made elsewhere.", by(v1alpha1.TokenRule{Scope: inWorkspace, WorkspaceIDs: []string{elsewhere}}), request(home), false},
		"EveryHome":            {"The wildcard stands for every Workspace.", by(v1alpha1.TokenRule{Scope: inWorkspace, WorkspaceIDs: []string{"*"}}), request(home), true},
		"OrganizationHome":     {"An Organization token was made in no Workspace.", by(v1alpha1.TokenRule{Scope: organization, WorkspaceIDs: []string{"*"}}), request(), false},
		"AllMatch":             {"All that is given must match.", by(v1alpha1.TokenRule{Scope: organization, IDs: []string{orgToken}, NamePrefixes: []string{"ci-"}}), request(), true},
		"NotAllMatch":          {"All that is given must match.", by(v1alpha1.TokenRule{Scope: organization, IDs: []string{orgToken}, NamePrefixes: []string{"x"}}), request(), false},
		"OneOfTwo":             {"One that matches is enough.", by(v1alpha1.TokenRule{Scope: inWorkspace, IDs: []string{"*"}}, v1alpha1.TokenRule{Scope: organization, IDs: []string{"*"}}), request(), true},
	})
}

func TestTargetRules(t *testing.T) {
	by := func(rules ...v1alpha1.TargetRule) v1alpha1.AllowRule { return rule(targets(rules...)) }
	workspaces := func(ids ...string) v1alpha1.AllowRule { return by(v1alpha1.TargetRule{WorkspaceIDs: ids}) }
	deployments := func(ids ...string) v1alpha1.AllowRule { return by(v1alpha1.TargetRule{DeploymentIDs: ids}) }
	onWorkspace := onTarget(TargetFacts{Kind: v1alpha1.TargetWorkspace, ID: workspace})
	spelled := onTarget(TargetFacts{Kind: v1alpha1.TargetDeployment, WorkspaceID: workspace})
	notFound := onTarget(TargetFacts{Kind: v1alpha1.TargetDeployment, ID: prod})
	misplaced := onTarget(TargetFacts{Kind: v1alpha1.TargetWorkspace, ID: elsewhere, WorkspaceID: workspace})
	noKind := onTarget(TargetFacts{ID: prod, WorkspaceID: workspace})
	checkMatches(t, map[string]matchCase{
		"Workspace":                  {"It is listed.", workspaces(elsewhere, workspace), request(onWorkspace), true},
		"OtherWorkspace":             {"Another is listed.", workspaces(elsewhere), request(onWorkspace), false},
		"ByItsOwnID":                 {"A Workspace is in no Workspace.", workspaces(workspace), request(misplaced), false},
		"WorkspaceCoversDeployments": {"It is in the Workspace.", workspaces(workspace), request(), true},
		"SpelledInWorkspace":         {"Whatever it is, it is in the Workspace.", workspaces(workspace), request(spelled), true},
		"WorkspaceNotKnown":          {"What is not known is in no Workspace.", workspaces(workspace, ""), request(notFound), false},
		"EveryWorkspace":             {"The wildcard stands for every Workspace and Deployment.", workspaces("*"), request(notFound), true},
		"Deployment":                 {"It is listed.", deployments(stage, prod), request(), true},
		"OtherDeployment":            {"Another is listed.", deployments(stage), request(), false},
		"DeploymentNotKnown":         {"What is not known is in no list.", deployments(prod, ""), request(spelled), false},
		"EveryDeployment":            {"The wildcard stands for every Deployment.", deployments("*"), request(spelled), true},
		"EveryDeploymentNoWorkspace": {"But for no Workspace.", deployments("*"), request(onWorkspace), false},
		"WorkspaceAsDeployment":      {"Ids of Workspaces are no ids of Deployments.", deployments(workspace), request(onWorkspace), false},
		"KindNotKnown":               {"A target of no kind is refused.", workspaces("*"), request(noKind), false},
		"NoTargets":                  {"A rule without targets speaks of none.", by(), request(), false},
		"NothingGiven":               {"A target rule that gives nothing speaks of none.", by(v1alpha1.TargetRule{}), request(), false},
		"NoWorkspaces":               {"An empty list has nothing in it.", workspaces([]string{}...), request(), false},
		"EmptyList":                  {"An empty list has nothing in it, also where it is written down.", by(v1alpha1.TargetRule{WorkspaceIDs: []string{}, DeploymentIDs: []string{"*"}}), request(), false},
		"BothGiven":                  {"Where both are given both must match.", by(v1alpha1.TargetRule{WorkspaceIDs: []string{workspace}, DeploymentIDs: []string{stage}}), request(), false},
		"OneOfTwo":                   {"One that matches is enough.", by(v1alpha1.TargetRule{DeploymentIDs: []string{stage}}, v1alpha1.TargetRule{DeploymentIDs: []string{prod}}), request(), true},
	})
}

func TestRoleRules(t *testing.T) {
	checkMatches(t, map[string]matchCase{
		"Name":       {"It is listed.", rule(roles("X", admin)), request(), true},
		"EveryRole":  {"The wildcard stands for every role.", rule(roles("*")), request(withRole("Deploy Only")), true},
		"NotKnown":   {"The wildcard stands for the role that is not known yet too.", rule(roles("*")), request(withRole("")), true},
		"Unnamed":    {"A role that is not known is in no list.", rule(roles(admin, "")), request(withRole("")), false},
		"NoRoles":    {"An empty list has nothing in it.", rule(roles()), request(), false},
		"StarAsRole": {"A role called * is not every role.", rule(roles(admin)), request(withRole("*")), false},
	})
}
