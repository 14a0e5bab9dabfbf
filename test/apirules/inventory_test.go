package apirules

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

const leastInventory = `{connectionRef: {name: acme}, target: {kind: Deployment, name: etl, workspaceId: <ws>}}`

func TestCreateInventory(t *testing.T) {
	cases := map[string]struct {
		reason, spec string
		want         []string
	}{
		"Deployment":       {"A Deployment by name.", leastInventory, accepted},
		"DeploymentById":   {"By id.", `{connectionRef: {kind: ClusterAstroConnection, name: acme}, target: {kind: Deployment, id: <dep>}}`, accepted},
		"Workspace":        {"A Workspace by name.", `{connectionRef: {name: acme}, target: {kind: Workspace, name: Data}}`, accepted},
		"Empty":            {"All that is required is named.", `{}`, refused("spec.connectionRef: Required value", "spec.target: Required value")},
		"NoTarget":         {"A target is required.", `{connectionRef: {name: acme}}`, refused("spec.target: Required value")},
		"Both":             {"Name or id.", `{connectionRef: {name: acme}, target: {kind: Workspace, name: Data, id: <ws>}}`, refused("give exactly one of target.name and target.id")},
		"Neither":          {"One of them.", `{connectionRef: {name: acme}, target: {kind: Workspace}}`, refused("give exactly one of target.name and target.id")},
		"DeploymentByName": {"A Deployment's name needs its Workspace.", `{connectionRef: {name: acme}, target: {kind: Deployment, name: etl}}`, refused("a Deployment given by name needs target.workspaceId")},
		"WorkspaceIn":      {"A Workspace is in no other.", `{connectionRef: {name: acme}, target: {kind: Workspace, id: <ws>, workspaceId: <ws>}}`, refused("target.workspaceId is for Deployments only")},
		"Organization":     {"The Organization has no inventory.", `{connectionRef: {name: acme}, target: {kind: Organization, id: <org>}}`, refused("spec.target.kind: Unsupported value")},
		"Remove":           {"What nobody declares may be removed.", `{connectionRef: {name: acme}, target: {kind: Workspace, id: <ws>}, undeclared: Remove}`, accepted},
		"Report":           {"Or shown.", `{connectionRef: {name: acme}, target: {kind: Workspace, id: <ws>}, undeclared: Report}`, accepted},
		"EmptyUndeclared":  {"Nothing is neither.", `{connectionRef: {name: acme}, target: {kind: Workspace, id: <ws>}, undeclared: ""}`, refused("spec.undeclared: Unsupported value", `"Report", "Remove"`)},
		"NullUndeclared":   {"Nor is a key with nothing behind it.", `{connectionRef: {name: acme}, target: {kind: Workspace, id: <ws>}, undeclared: null}`, refused("spec.undeclared: Unsupported value")},
		"UnknownField":     {"A binding's fields are not an inventory's.", `{connectionRef: {name: acme}, target: {kind: Workspace, id: <ws>}, role: WORKSPACE_OWNER}`, refused(`unknown field "spec.role"`)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := create(t, manifest(t, "TargetInventory", tc.spec))
			check(t, tc.reason, err, tc.want)
		})
	}
}

func TestUpdateInventory(t *testing.T) {
	const want = "spec cannot be changed; make another TargetInventory"
	cases := map[string]struct {
		reason, patch string
		want          []string
	}{
		"Nothing":    {"Nothing is no change.", `{}`, accepted},
		"SpellKind":  {"The default, spelled out, is no change.", `{connectionRef: {kind: AstroConnection}}`, accepted},
		"Target":     {"The target stays.", `{target: {name: other}}`, refused(want)},
		"TargetToId": {"There is no pinning: nothing is lost by making another.", `{target: {name: null, id: <dep>}}`, refused(want)},
		"Connection": {"The connection stays.", `{connectionRef: {name: other}}`, refused(want)},
		"Kind":       {"Its kind too.", `{connectionRef: {kind: ClusterAstroConnection}}`, refused(want)},
		"Undeclared": {"What it only showed it never removes.", `{undeclared: Remove}`, refused(want)},
		"SpellLeast": {"The default, spelled out, is no change.", `{undeclared: Report}`, accepted},
		"Null":       {"It cannot be taken out.", `{target: null}`, refused("spec.target: Required value")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			object := mustCreate(t, "TargetInventory", leastInventory, `{target: {id: <dep>}}`)
			_, err := patch(t, object, types.MergePatchType, "{spec: "+tc.patch+"}")
			check(t, tc.reason, err, tc.want)
		})
	}
}

// TestInventoryStatus holds the status against its bounds.
func TestInventoryStatus(t *testing.T) {
	cases := map[string]struct {
		reason, status string
		want           []string
	}{
		"Tokens":     {"Tokens with all columns.", `{tokens: [{id: <tok>, name: CI, scope: Organization, role: DEPLOYMENT_ADMIN, createdAt: "2026-01-02T03:04:05Z", createdBy: Jo, declaredBy: a/b}], total: 1}`, accepted},
		"Removals":   {"What is to be removed.", `{removals: [{id: <tok>, name: CI, role: DEPLOYMENT_ADMIN, since: "2026-01-02T03:04:05Z"}], confirm: abc}`, accepted},
		"TwiceGone":  {"A token is to be removed once.", `{removals: [{id: <tok>}, {id: <tok>}]}`, refused("removals[1]: Duplicate value")},
		"SameTwice":  {"A token is listed once.", `{tokens: [{id: <tok>}, {id: <tok>}]}`, refused("tokens[1]: Duplicate value")},
		"WithoutId":  {"Each has an id.", `{tokens: [{name: CI}]}`, refused("tokens[0].id: Required value")},
		"OtherScope": {"Deployment tokens are not listed.", `{tokens: [{id: <tok>, scope: Deployment}]}`, refused("scope: Unsupported value")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := patch(t, mustCreate(t, "TargetInventory", leastInventory, ""), types.MergePatchType, "{status: "+tc.status+"}", "status")
			check(t, tc.reason, err, tc.want)
		})
	}
}
