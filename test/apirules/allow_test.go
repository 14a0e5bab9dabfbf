package apirules

import (
	"fmt"
	"strings"
	"testing"
)

func TestAllow(t *testing.T) {
	const (
		wantNothingBehind   = "a selector has a key with nothing behind it"
		wantOneOfNamespaces = "give exactly one of names and selector"
		wantNoEmptySelector = `an empty selector would mean every namespace; write names: ["*"] if that is meant`
		wantOperator        = "an operator of matchExpressions is In or NotIn, with values, or Exists or DoesNotExist, without"
		wantSomeToken       = `give at least one of ids, namePrefixes and workspaceIds; ids: ["*"] stands for every token of the scope`
		wantOneOfTargets    = "give exactly one of workspaceIds and deploymentIds"
	)
	// A case replaces one of the four parts of a rule that is good.
	cases := map[string]struct {
		reason, part, value string
		want                []string
	}{
		"Names":              {"By names.", "namespaces", `{names: [a, b]}`, accepted},
		"EveryNamespace":     {"The wildcard is explicit.", "namespaces", `{names: ["*"]}`, accepted},
		"MatchLabels":        {"By labels.", "namespaces", `{selector: {matchLabels: {team: data}}}`, accepted},
		"MatchExpressions":   {"By expressions.", "namespaces", `{selector: {matchExpressions: [{key: team, operator: In, values: [data]}, {key: team, operator: Exists}]}}`, accepted},
		"MatchNone":          {"NotIn and DoesNotExist.", "namespaces", `{selector: {matchExpressions: [{key: team, operator: NotIn, values: [data]}, {key: team, operator: DoesNotExist}]}}`, accepted},
		"NullSelector":       {"A key with nothing behind it was to hold something.", "namespaces", `{names: [a], selector: null}`, refused("names or selector has nothing behind it")},
		"NoNamespaces":       {"A rule speaks to somebody.", "namespaces", `null`, refused("namespaces: Required value")},
		"EmptyNamespaces":    {"Nothing is not everything.", "namespaces", `{}`, refused(wantOneOfNamespaces)},
		"NullNames":          {"Null is nothing, and nothing is not everything.", "namespaces", `{names: null}`, refused(wantOneOfNamespaces)},
		"NoNames":            {"An empty list is not everything.", "namespaces", `{names: []}`, refused("names", "at least 1 items")},
		"EmptyNamesSelector": {"Not beside a selector either.", "namespaces", `{names: [], selector: {matchLabels: {team: data}}}`, refused(wantOneOfNamespaces)},
		"NamesAndSelector":   {"Both could mean and, or or.", "namespaces", `{names: [a], selector: {matchLabels: {team: data}}}`, refused(wantOneOfNamespaces)},
		"EmptySelector":      {"An empty selector is not everything.", "namespaces", `{selector: {}}`, refused(wantNoEmptySelector)},
		"EmptyLabels":        {"Nor one with no labels.", "namespaces", `{selector: {matchLabels: {}}}`, refused(wantNoEmptySelector)},
		"EmptyExpressions":   {"Nor one with no expressions.", "namespaces", `{selector: {matchExpressions: []}}`, refused(wantNoEmptySelector)},
		"EmptyBoth":          {"Nor one with neither.", "namespaces", `{selector: {matchLabels: {}, matchExpressions: []}}`, refused(wantNoEmptySelector)},
		"NullLabel":          {"A label without a value would be no condition.", "namespaces", `{selector: {matchLabels: {env: prod, team: null}}}`, refused(wantNothingBehind)},
		"NullOfTwo":          {"Nor would expressions beside labels.", "namespaces", `{selector: {matchLabels: {env: prod}, matchExpressions: null}}`, refused(wantNothingBehind)},
		"EmptyLabel":         {"An empty value is one.", "namespaces", `{selector: {matchLabels: {env: prod, team: ""}}}`, accepted},
		"NullLabels":         {"Null labels are none.", "namespaces", `{selector: {matchLabels: null}}`, refused(wantNoEmptySelector)},
		"EmptyName":          {"An empty name is nobody's.", "namespaces", `{names: [""]}`, refused("names[0]", "at least 1 chars long")},
		"Glob":               {"There are no patterns but *.", "namespaces", `{names: ["team-*"]}`, refused("names[0]", "should match")},
		"UpperCaseNamespace": {"No namespace is called so.", "namespaces", `{names: [Data]}`, refused("names[0]", "should match")},
		"NameTwice":          {"A set.", "namespaces", `{names: [a, a]}`, refused("names[1]: Duplicate value")},
		"NotAList":           {"A list.", "namespaces", `{names: "*"}`, refused("names", "must be of type array")},
		"LongNamespace":      {"Namespaces have 63 characters.", "namespaces", `{names: [` + strings.Repeat("a", 64) + `]}`, refused("names[0]: Too long")},
		"Operator":           {"Operators are Kubernetes'.", "namespaces", `{selector: {matchExpressions: [{key: team, operator: in, values: [data]}]}}`, refused(wantOperator)},
		"InNothing":          {"In needs values.", "namespaces", `{selector: {matchExpressions: [{key: team, operator: In}]}}`, refused(wantOperator)},
		"InEmpty":            {"And some.", "namespaces", `{selector: {matchExpressions: [{key: team, operator: In, values: []}]}}`, refused(wantOperator)},
		"ExistsWithValues":   {"Exists needs none.", "namespaces", `{selector: {matchExpressions: [{key: team, operator: Exists, values: [data]}]}}`, refused(wantOperator)},
		"LastOperator":       {"The sixteenth is looked at too.", "namespaces", `{selector: {matchExpressions: [` + strings.Repeat("{key: team, operator: Exists}, ", 15) + `{key: team, operator: Gt, values: ["1"]}]}}`, refused(wantOperator)},
		"ManyExpressions":    {"No more than can be looked at.", "namespaces", `{selector: {matchExpressions: [` + strings.Repeat("{key: team, operator: Exists}, ", 16) + `{key: team, operator: Gt, values: ["1"]}]}}`, refused("must have at most 16 items")},
		"ManyValues":         {"Nor more values.", "namespaces", `{selector: {matchExpressions: [{key: team, operator: In, values: [` + strings.Repeat("a, ", 65) + `]}]}}`, refused("matchExpressions[0].values: Too many: 65: must have at most 64 items")},
		"MostValues":         {"But as many.", "namespaces", `{selector: {matchExpressions: [{key: team, operator: In, values: [` + strings.Repeat("a, ", 64) + `]}]}}`, accepted},
		"LongValue":          {"No label has a longer value.", "namespaces", `{selector: {matchExpressions: [{key: team, operator: In, values: [` + strings.Repeat("a", 64) + `]}]}}`, refused("values[0]: Too long")},
		"LongKey":            {"Nor a longer key.", "namespaces", `{selector: {matchExpressions: [{key: ` + strings.Repeat("a", 318) + `, operator: Exists}]}}`, refused("key: Too long")},
		"LongLabel":          {"Nor here.", "namespaces", `{selector: {matchLabels: {team: ` + strings.Repeat("a", 64) + `}}}`, refused("matchLabels.team: Too long")},
		"NoKey":              {"An expression has a key.", "namespaces", `{selector: {matchExpressions: [{operator: Exists}]}}`, refused("matchExpressions[0].key: Required value")},

		"TokenIds":            {"By ids.", "tokens", `[{scope: Organization, ids: [<tok>, <other>]}]`, accepted},
		"TokenPrefixes":       {"By names.", "tokens", `[{scope: Organization, namePrefixes: [ci-, "CI "]}]`, accepted},
		"TokenWorkspaces":     {"By home.", "tokens", `[{scope: Workspace, workspaceIds: [<ws>]}]`, accepted},
		"EveryToken":          {"The wildcard is explicit.", "tokens", `[{scope: Organization, ids: ["*"]}, {scope: Workspace, ids: ["*"]}]`, accepted},
		"NoTokens":            {"A rule speaks of tokens.", "tokens", `null`, refused("tokens: Required value")},
		"EmptyTokens":         {"No token is not every token.", "tokens", `[]`, refused("tokens", "at least 1 items")},
		"TokenOfNothing":      {"Nor is an empty entry.", "tokens", `[{}]`, refused("tokens[0].scope: Required value")},
		"TokenOfScope":        {"Nor is a scope alone.", "tokens", `[{scope: Organization}]`, refused(wantSomeToken)},
		"TokenNullIds":        {"Nor null.", "tokens", `[{scope: Organization, ids: null}]`, refused(wantSomeToken)},
		"TokenEmptyIds":       {"Nor an empty list.", "tokens", `[{scope: Organization, ids: []}]`, refused("ids", "at least 1 items")},
		"TokenEmptyBeside":    {"Nor one beside others.", "tokens", `[{scope: Organization, ids: [<tok>], namePrefixes: []}]`, refused("namePrefixes", "at least 1 items")},
		"TokenEmptyPrefix":    {"An empty prefix would be every name.", "tokens", `[{scope: Organization, namePrefixes: [""]}]`, refused("namePrefixes[0]", "at least 1 chars long")},
		"TokenBadId":          {"Ids are ids.", "tokens", `[{scope: Organization, ids: [CI]}]`, refused("ids[0]", "should match")},
		"TokenGlob":           {"There are no patterns but *.", "tokens", `[{scope: Organization, ids: ["c*"]}]`, refused("ids[0]", "should match")},
		"TokenHome":           {"Organization tokens have no home.", "tokens", `[{scope: Organization, workspaceIds: [<ws>]}]`, refused("workspaceIds is for Workspace tokens only")},
		"TokenHomeAndId":      {"Not beside an id either.", "tokens", `[{scope: Organization, ids: [<tok>], workspaceIds: [<ws>]}]`, refused("workspaceIds is for Workspace tokens only")},
		"TokenDeployment":     {"Deployment tokens are none.", "tokens", `[{scope: Deployment, ids: ["*"]}]`, refused("scope: Unsupported value")},
		"TokenTwice":          {"A set.", "tokens", `[{scope: Organization, ids: [<tok>, <tok>]}]`, refused("ids[1]: Duplicate value")},
		"TokenSecondIsBroken": {"One bad entry spoils the list.", "tokens", `[{scope: Organization, ids: ["*"]}, {scope: Workspace}]`, refused(wantSomeToken, "tokens[1]")},
		"TokenPrefixBreak":    {"No line breaks.", "tokens", `[{scope: Organization, namePrefixes: ["ci-\n"]}]`, refused("namePrefixes[0]", "should match")},
		"TokenPrefixStar":     {"A token may be called so.", "tokens", `[{scope: Organization, namePrefixes: ["ci-*"]}]`, accepted},
		"TokenEmptyHomes":     {"No home is not every home.", "tokens", `[{scope: Workspace, workspaceIds: []}]`, refused("workspaceIds", "at least 1 items")},
		"TokenHomeName":       {"Homes are named by id.", "tokens", `[{scope: Workspace, workspaceIds: [Data]}]`, refused("workspaceIds[0]", "should match")},
		"TokenManyRules":      {"At most 32.", "tokens", `[` + strings.Repeat(`{scope: Organization, ids: ["*"]}, `, 33) + `]`, refused("tokens: Too many")},

		"TargetWorkspaces":       {"Workspaces with what is in them.", "targets", `[{workspaceIds: [<ws>]}]`, accepted},
		"TargetDeployments":      {"Single Deployments.", "targets", `[{deploymentIds: [<dep>, <other>]}]`, accepted},
		"EveryTarget":            {"The wildcard is explicit.", "targets", `[{workspaceIds: ["*"]}]`, accepted},
		"NoTargets":              {"A rule speaks of targets.", "targets", `null`, refused("targets: Required value")},
		"EmptyTargets":           {"No target is not every target.", "targets", `[]`, refused("targets", "at least 1 items")},
		"TargetOfNothing":        {"Nor is an empty entry.", "targets", `[{}]`, refused(wantOneOfTargets)},
		"TargetOfBoth":           {"Both could mean and, or or.", "targets", `[{workspaceIds: [<ws>], deploymentIds: [<dep>]}]`, refused(wantOneOfTargets)},
		"TargetEmptyIds":         {"An empty list is not everything.", "targets", `[{workspaceIds: []}]`, refused("workspaceIds", "at least 1 items")},
		"TargetName":             {"Targets are named by id.", "targets", `[{workspaceIds: [Data]}]`, refused("workspaceIds[0]", "should match")},
		"TargetEmptyDeployments": {"Nor is it for Deployments.", "targets", `[{deploymentIds: []}]`, refused("deploymentIds", "at least 1 items")},
		"TargetDeploymentName":   {"Deployments too.", "targets", `[{deploymentIds: [etl]}]`, refused("deploymentIds[0]", "should match")},
		"TargetNames":            {"There is no other way.", "targets", `[{names: [Data]}]`, refused(`unknown field "spec.allow[0].targets[0].names"`)},

		"Roles":     {"By exact names.", "roles", `[DEPLOYMENT_ADMIN, Deploy Only]`, accepted},
		"EveryRole": {"The wildcard is explicit.", "roles", `["*"]`, accepted},
		"NoRoles":   {"A rule speaks of roles.", "roles", `null`, refused("roles: Required value")},
		"Empty":     {"No role is not every role.", "roles", `[]`, refused("roles", "at least 1 items")},
		"EmptyRole": {"An empty role is none.", "roles", `[""]`, refused("roles[0]", "at least 1 chars long")},
		"RoleGlob":  {"There are no patterns but *.", "roles", `["DEPLOYMENT_*"]`, refused("roles[0]", "should match")},
		"RoleStars": {"Nor are two.", "roles", `["**"]`, refused("roles[0]", "should match")},
		"RoleTwice": {"A set.", "roles", `[a, a]`, refused("roles[1]: Duplicate value")},
		"RoleBreak": {"No line breaks.", "roles", `["a\n"]`, refused("roles[0]", "should match")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			rule := map[string]string{
				"namespaces": `{names: [a]}`, "tokens": `[{scope: Organization, ids: ["*"]}]`, "targets": `[{workspaceIds: ["*"]}]`, "roles": `["*"]`,
			}
			rule[tc.part] = tc.value
			_, err := create(t, manifest(t, "ClusterAstroConnection", fmt.Sprintf(
				`{organizationId: <org>, credentialsSecretRef: {name: astro}, allow: [{namespaces: %s, tokens: %s, targets: %s, roles: %s}]}`,
				rule["namespaces"], rule["tokens"], rule["targets"], rule["roles"])))
			check(t, tc.reason, err, tc.want)
		})
	}
}

// TestAllowOfTheLargestSize shows that what the schema allows the rules can still look at.
func TestAllowOfTheLargestSize(t *testing.T) {
	rule := `{namespaces: {selector: {matchExpressions: [` + strings.Repeat("{key: team, operator: In, values: [data]}, ", 16) + `]}}, tokens: [` +
		strings.Repeat(`{scope: Organization, ids: [<tok>]}, `, 32) + `], targets: [` + strings.Repeat(`{deploymentIds: [<dep>]}, `, 32) + `], roles: ["*"]}, `
	spec := func(rules int) string {
		return `{organizationId: <org>, credentialsSecretRef: {name: astro}, allow: [` + strings.Repeat(rule, rules) + `]}`
	}
	_, err := create(t, manifest(t, "ClusterAstroConnection", spec(256)))
	check(t, "256 full rules.", err, accepted)
	_, err = create(t, manifest(t, "ClusterAstroConnection", spec(257)))
	check(t, "257 rules.", err, refused("spec.allow: Too many"))
}
