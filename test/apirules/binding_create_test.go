package apirules

import "testing"

// A binding each of the three families, to vary from.
const (
	organizationOnWorkspace  = `{connectionRef: {name: acme}, token: {scope: Organization, name: CI deployer}, target: {kind: Workspace, name: Data}, role: WORKSPACE_MEMBER}`
	organizationOnDeployment = `{connectionRef: {name: acme}, token: {scope: Organization, name: CI deployer}, target: {kind: Deployment, name: etl, workspaceId: <ws>}, role: Deploy Only}`
	workspaceOnDeployment    = `{connectionRef: {name: acme}, token: {scope: Workspace, name: CI, workspaceId: <ws>}, target: {kind: Deployment, name: etl, workspaceId: <ws>}, role: DEPLOYMENT_ADMIN}`
)

func TestCreateBinding(t *testing.T) {
	const (
		wantNamespaceOfRoles = "spec.role on a Workspace must be one of WORKSPACE_ACCESSOR"
		wantDeploymentRole   = "spec.role on a Deployment must be DEPLOYMENT_ADMIN or the name of a custom Deployment role"
		wantOneLine          = "must not hold a line break or another character that controls or cannot be seen"
	)
	cases := map[string]struct {
		reason, spec string
		want         []string
	}{
		// What is meant to be written.
		"OrganizationOnWorkspace":  {"The first family of the CLI.", organizationOnWorkspace, accepted},
		"OrganizationOnDeployment": {"The second family.", organizationOnDeployment, accepted},
		"WorkspaceOnDeployment":    {"The third family.", workspaceOnDeployment, accepted},
		"EverythingById": {"Ids need no Workspace.",
			`{connectionRef: {name: acme}, token: {scope: Workspace, id: <tok>}, target: {kind: Deployment, id: <dep>}}`, accepted},
		"ByIdWithWorkspaces": {"A Workspace may be given beside an id, as a check.",
			`{connectionRef: {name: acme}, token: {scope: Workspace, id: <tok>, workspaceId: <ws>}, target: {kind: Deployment, id: <dep>, workspaceId: <ws>}}`, accepted},
		"AllFields": {"Every field at once.",
			`{connectionRef: {kind: ClusterAstroConnection, name: acme.prod}, token: {scope: Organization, id: <tok>}, target: {kind: Workspace, id: <ws>},
			  role: WORKSPACE_OWNER, mode: Observe, adopt: IfSameRole, deletionPolicy: Retain, expiresAt: "2030-01-31T12:00:00Z", suspend: true}`, accepted},
		"NoRoleOnDeployment": {"The role of a Deployment may be left out.",
			`{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}}`, accepted},
		"LongerIds": {"Astro has ids of 26 characters.",
			`{connectionRef: {name: acme}, token: {scope: Organization, id: <tok:26>}, target: {kind: Deployment, id: <dep:26>}}`, accepted},
		"LongestId": {"Ids may grow to 64 characters.",
			`{connectionRef: {name: acme}, token: {scope: Organization, id: <tok:64>}, target: {kind: Deployment, id: <dep>}}`, accepted},
		"NamesInAnyScript": {"Names are Astro's, spaces and all.",
			`{connectionRef: {name: acme}, token: {scope: Organization, name: " Räksmörgås 🚀 /\"x\""}, target: {kind: Workspace, name: データ}, role: WORKSPACE_AUTHOR}`, accepted},
		"EveryWorkspaceRole": {"WORKSPACE_OPERATOR is one.",
			`{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Workspace, id: <ws>}, role: WORKSPACE_OPERATOR}`, accepted},
		"AccessorOnWorkspace": {"WORKSPACE_ACCESSOR is one.",
			`{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Workspace, id: <ws>}, role: WORKSPACE_ACCESSOR}`, accepted},

		// What is missing.
		"Empty": {"All that is required is named at once.", `{}`,
			refused("spec.connectionRef: Required value", "spec.token: Required value", "spec.target: Required value")},
		"NullSpec":                {"Null is nothing.", `null`, refused("spec: Required value")},
		"EmptyConnection":         {"A connection has a name.", `{connectionRef: {}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}}`, refused("spec.connectionRef.name: Required value")},
		"EmptyToken":              {"A token has a scope.", `{connectionRef: {name: acme}, token: {}, target: {kind: Deployment, id: <dep>}}`, refused("spec.token.scope: Required value")},
		"EmptyTarget":             {"A target has a kind.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {}}`, refused("spec.target.kind: Required value")},
		"TokenWithoutEither":      {"Name or id.", `{connectionRef: {name: acme}, token: {scope: Organization}, target: {kind: Deployment, id: <dep>}}`, refused("give exactly one of token.name and token.id")},
		"TokenWithBoth":           {"Not both.", `{connectionRef: {name: acme}, token: {scope: Organization, name: a, id: <tok>}, target: {kind: Deployment, id: <dep>}}`, refused("give exactly one of token.name and token.id")},
		"TokenWithEmptyName":      {"A template that rendered to nothing is not a name.", `{connectionRef: {name: acme}, token: {scope: Organization, name: ""}, target: {kind: Deployment, id: <dep>}}`, refused("spec.token.name", "at least 1 chars long")},
		"TokenWithEmptyId":        {"Nor an id.", `{connectionRef: {name: acme}, token: {scope: Organization, id: ""}, target: {kind: Deployment, id: <dep>}}`, refused("spec.token.id", "at least 1 chars long")},
		"EmptyNameBesideId":       {"An empty name beside an id is still two.", `{connectionRef: {name: acme}, token: {scope: Organization, name: "", id: <tok>}, target: {kind: Deployment, id: <dep>}}`, refused("give exactly one of token.name and token.id")},
		"NullKind":                {"It is not taken for an AstroConnection, which may allow more.", `{connectionRef: {kind: null, name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}}`, refused("spec.connectionRef.kind: Unsupported value")},
		"NullNameBesideId":        {"A key with nothing behind it was to hold something.", `{connectionRef: {name: acme}, token: {scope: Organization, name: null, id: <tok>}, target: {kind: Deployment, id: <dep>}}`, refused("token.name, token.id or token.workspaceId has nothing behind it")},
		"TargetWithoutEither":     {"Name or id.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment}}`, refused("give exactly one of target.name and target.id")},
		"TargetWithBoth":          {"Not both.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Workspace, name: Data, id: <ws>}, role: WORKSPACE_MEMBER}`, refused("give exactly one of target.name and target.id")},
		"TargetWithEmptyId":       {"Nor is an empty id one.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: ""}}`, refused("spec.target.id", "at least 1 chars long")},
		"ConnectionWithEmptyName": {"Empty is no name.", `{connectionRef: {name: ""}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}}`, refused("spec.connectionRef.name", "at least 1 chars long")},
		"TargetWithEmptyName":     {"Empty is no name.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Workspace, name: ""}, role: WORKSPACE_MEMBER}`, refused("spec.target.name", "at least 1 chars long")},
		"WorkspaceTokenByName":    {"Names are unique in a Workspace at best.", `{connectionRef: {name: acme}, token: {scope: Workspace, name: CI}, target: {kind: Deployment, id: <dep>}}`, refused("a Workspace token given by name needs token.workspaceId")},
		"DeploymentByName":        {"As for Deployments.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, name: etl}}`, refused("a Deployment given by name needs target.workspaceId")},

		// What does not go together.
		"OrganizationTokenWithHome": {"An Organization token has no home.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>, workspaceId: <ws>}, target: {kind: Deployment, id: <dep>}}`,
			refused("token.workspaceId is for Workspace tokens only")},
		"WorkspaceInWorkspace": {"A Workspace is in no other.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Workspace, name: Data, workspaceId: <ws>}, role: WORKSPACE_MEMBER}`,
			refused("target.workspaceId is for Deployments only")},
		"WorkspaceTokenOnWorkspace": {"Astro has no such assignment.", `{connectionRef: {name: acme}, token: {scope: Workspace, id: <tok>}, target: {kind: Workspace, id: <ws>}, role: WORKSPACE_MEMBER}`,
			refused("a Workspace token can be given roles on Deployments only")},
		"DeploymentToken": {"Deployment tokens take no roles elsewhere.", `{connectionRef: {name: acme}, token: {scope: Deployment, id: <tok>}, target: {kind: Deployment, id: <dep>}}`,
			refused("spec.token.scope: Unsupported value", `"Organization", "Workspace"`)},
		"OrganizationAsTarget": {"The Organization is no target.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Organization, id: <org>}, role: ORGANIZATION_MEMBER}`,
			refused("spec.target.kind: Unsupported value")},
		"DagAsTarget":      {"Nor is a Dag.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Dag, id: <dag>}}`, refused("spec.target.kind: Unsupported value")},
		"ScopeAsAstroSays": {"The enumeration is spelled as Kubernetes does.", `{connectionRef: {name: acme}, token: {scope: ORGANIZATION, id: <tok>}, target: {kind: Deployment, id: <dep>}}`, refused("spec.token.scope: Unsupported value")},

		// Roles.
		"NoRoleOnWorkspace":          {"There is no default for a Workspace.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Workspace, id: <ws>}}`, refused("spec.role is required for a Workspace")},
		"NullRoleOnWorkspace":        {"Null is none.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Workspace, id: <ws>}, role: null}`, refused("spec.role is required for a Workspace")},
		"EmptyRole":                  {"Empty is not the default.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}, role: ""}`, refused("spec.role", "at least 1 chars long")},
		"UnknownWorkspaceRole":       {"Workspaces have no custom roles.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Workspace, id: <ws>}, role: WORKSPACE_ADMIN}`, refused(wantNamespaceOfRoles)},
		"LowerCaseWorkspaceRole":     {"Roles are spelled exactly.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Workspace, id: <ws>}, role: workspace_member}`, refused(wantNamespaceOfRoles)},
		"DeploymentRoleOnWorkspace":  {"Roles belong to a kind of target.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Workspace, id: <ws>}, role: DEPLOYMENT_ADMIN}`, refused(wantNamespaceOfRoles)},
		"WorkspaceRoleOnDeployment":  {"And the other way round.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}, role: WORKSPACE_OWNER}`, refused(wantDeploymentRole)},
		"OrganizationRole":           {"An Organization role goes nowhere.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}, role: ORGANIZATION_OWNER}`, refused(wantDeploymentRole)},
		"OrganizationRoleOnWorkspce": {"Not on a Workspace either.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Workspace, id: <ws>}, role: ORGANIZATION_OWNER}`, refused(wantNamespaceOfRoles)},
		"RoleOfTwoLines":             {"A block scalar ends with a line break.", "connectionRef: {name: acme}\ntoken: {scope: Organization, id: <tok>}\ntarget: {kind: Deployment, id: <dep>}\nrole: |\n  Deploy Only\n", refused("spec.role " + wantOneLine)},

		// Shapes.
		"ShortId":          {"24 characters are one too few.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok:24>}, target: {kind: Deployment, id: <dep>}}`, refused("spec.token.id", "should match '^c[a-z0-9]{24,}$'")},
		"HugeId":           {"65 are too many.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok:65>}, target: {kind: Deployment, id: <dep>}}`, refused("spec.token.id: Too long")},
		"UpperCaseId":      {"Ids are lower case.", `{connectionRef: {name: acme}, token: {scope: Organization, id: CTOK000000000000000000000}, target: {kind: Deployment, id: <dep>}}`, refused("spec.token.id", "should match")},
		"UuidAsId":         {"A uuid is none of Astro's.", `{connectionRef: {name: acme}, token: {scope: Organization, id: 7a1f5c60-1111-4222-8333-444455556666}, target: {kind: Deployment, id: <dep>}}`, refused("spec.token.id", "should match")},
		"PathInId":         {"An id goes into a URL; nothing else may come with it.", `{connectionRef: {name: acme}, token: {scope: Organization, id: "<tok>/../x"}, target: {kind: Deployment, id: <dep>}}`, refused("spec.token.id", "should match")},
		"LineBreakAfterId": {"Nor a line break.", `{connectionRef: {name: acme}, token: {scope: Organization, id: "<tok>\n"}, target: {kind: Deployment, id: <dep>}}`, refused("spec.token.id", "should match")},
		"BadTargetId":      {"The same for targets.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: etl}}`, refused("spec.target.id", "should match")},
		"BadTokenHome":     {"And for Workspaces.", `{connectionRef: {name: acme}, token: {scope: Workspace, id: <tok>, workspaceId: Data}, target: {kind: Deployment, id: <dep>}}`, refused("spec.token.workspaceId", "should match")},
		"BadTargetHome":    {"And for a target's.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, name: etl, workspaceId: Data}}`, refused("spec.target.workspaceId", "should match")},
		"LineBreakInName":  {"A block scalar ends with a line break, and no token would be found.", "connectionRef: {name: acme}\ntoken:\n  scope: Organization\n  name: |\n    CI\ntarget: {kind: Deployment, id: <dep>}\n", refused("token.name " + wantOneLine)},
		"EscapeInTarget":   {"Terminals are not to be painted.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Workspace, name: "\e[31mred"}, role: WORKSPACE_MEMBER}`, refused("target.name " + wantOneLine)},
		"NumberAsName":     {"A number is not a string.", `{connectionRef: {name: acme}, token: {scope: Organization, name: 12}, target: {kind: Deployment, id: <dep>}}`, refused("spec.token.name", "must be of type string")},
		"SlashInConnection": {"A connection is named by a name, not a path.", `{connectionRef: {name: other/acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}}`,
			refused("spec.connectionRef.name", "should match")},
		"ConnectionKind":      {"There are two kinds of connection.", `{connectionRef: {kind: Secret, name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}}`, refused("spec.connectionRef.kind: Unsupported value")},
		"ConnectionNamespace": {"A connection of another namespace cannot be named.", `{connectionRef: {namespace: other, name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}}`, refused(`unknown field "spec.connectionRef.namespace"`)},
		"Mode":                {"Modes are two.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}, mode: DryRun}`, refused("spec.mode: Unsupported value")},
		"Adopt":               {"Adopt is no boolean.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}, adopt: true}`, refused("spec.adopt", "must be of type string")},
		"ExpiresAt":           {"A time is one of RFC 3339.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}, expiresAt: "tomorrow"}`, refused("spec.expiresAt")},
		"ExpiresAtOffset":     {"No clock is more than a day off.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}, expiresAt: "2030-01-31T12:00:00+25:00"}`, refused("spec.expiresAt", "should match")},
		"ExpiresAtLower":      {"Kubernetes reads capital letters only.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}, expiresAt: "2030-01-31t12:00:00z"}`, refused("spec.expiresAt", "should match")},
		"DeletionPolicy":      {"Other operators' words are not ours.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}, deletionPolicy: Orphan}`, refused("spec.deletionPolicy: Unsupported value", `"Revoke", "Retain"`)},
		"Suspend":             {"Suspend is a boolean.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}, suspend: "yes"}`, refused("spec.suspend", "must be of type boolean")},
		"UnknownField":        {"A typing error is told.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}, roles: [DEPLOYMENT_ADMIN]}`, refused(`unknown field "spec.roles"`)},
		"UnknownInnerField":   {"However deep.", `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>, workspaceID: <ws>}, target: {kind: Deployment, id: <dep>}}`, refused(`unknown field "spec.token.workspaceID"`)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := create(t, manifest(t, "ScopedTokenBinding", tc.spec))
			check(t, tc.reason, err, tc.want)
		})
	}
}
