package apirules

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

const (
	cannotChangeToken  = "spec.token cannot be changed, but for its name replaced by the id in status.token.id"
	cannotChangeTarget = "spec.target cannot be changed, but for its name replaced by the id in status.target.id"
	cannotTakeOutRole  = "spec.role may be changed but not taken out"
)

// TestUpdateBinding patches an object; null takes a field out.
func TestUpdateBinding(t *testing.T) {
	const (
		noRole     = `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}}`
		byID       = `{connectionRef: {name: acme}, token: {scope: Workspace, id: <tok>, workspaceId: <ws>}, target: {kind: Deployment, id: <dep>, workspaceId: <ws>}, role: DEPLOYMENT_ADMIN}`
		pinned     = `{token: {id: <tok>}, target: {id: <dep>}}`
		unresolved = `{observedGeneration: 1, token: {name: CI}, target: {name: etl}}`
	)
	cases := map[string]struct {
		reason, spec, status, patch string
		want                        []string
	}{
		// What may change.
		"Role":       {"Roles may change.", workspaceOnDeployment, "", `{role: Deploy Only}`, accepted},
		"AddRole":    {"A role that was left out may be written.", noRole, "", `{role: Deploy Only}`, accepted},
		"OtherRole":  {"Among those of the target.", organizationOnWorkspace, "", `{role: DEPLOYMENT_ADMIN}`, refused("spec.role on a Workspace must be one of")},
		"Settings":   {"The settings may change.", organizationOnWorkspace, "", `{mode: Observe, adopt: Never, deletionPolicy: Retain, expiresAt: "2030-01-31T12:00:00Z", suspend: true}`, accepted},
		"Nothing":    {"Nothing is no change.", organizationOnWorkspace, "", `{}`, accepted},
		"NullMode":   {"A setting that is taken out has its default.", organizationOnWorkspace, "", `{mode: null}`, accepted},
		"SpellKind":  {"The default, spelled out, is no change.", organizationOnWorkspace, "", `{connectionRef: {kind: AstroConnection}}`, accepted},
		"TakeOut":    {"A line deleted in Git must not raise the role to the default.", workspaceOnDeployment, "", `{role: null}`, refused(cannotTakeOutRole)},
		"EmptyOut":   {"Nor an empty string.", workspaceOnDeployment, "", `{role: ""}`, refused("spec.role", "at least 1 chars long")},
		"CustomOut":  {"A custom role may well be less than the default.", organizationOnDeployment, "", `{role: null}`, refused(cannotTakeOutRole)},
		"WorkspaceO": {"A Workspace needs one anyway.", organizationOnWorkspace, "", `{role: null}`, refused("spec.role is required for a Workspace")},

		// The connection.
		"ConnectionName": {"The connection stays.", organizationOnWorkspace, "", `{connectionRef: {name: other}}`, refused("spec.connectionRef cannot be changed; delete the binding and make another")},
		"ConnectionKind": {"So does its kind.", organizationOnWorkspace, "", `{connectionRef: {kind: ClusterAstroConnection}}`, refused("spec.connectionRef cannot be changed")},
		"ConnectionNull": {"A kind that is taken out is the default's.", `{connectionRef: {kind: ClusterAstroConnection, name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}}`, "", `{connectionRef: {kind: null}}`, refused("spec.connectionRef cannot be changed")},
		"ConnectionGone": {"It cannot be taken out.", organizationOnWorkspace, "", `{connectionRef: null}`, refused("spec.connectionRef: Required value")},

		// The token, before it was found.
		"TokenName":       {"A token stays.", workspaceOnDeployment, "", `{token: {name: Other}}`, refused(cannotChangeToken)},
		"TokenId":         {"So does an id.", noRole, "", `{token: {id: <other>}}`, refused(cannotChangeToken)},
		"TokenScope":      {"And a scope.", noRole, "", `{token: {scope: Workspace}}`, refused(cannotChangeToken)},
		"TokenHome":       {"And a home.", workspaceOnDeployment, "", `{token: {workspaceId: <other>}}`, refused(cannotChangeToken)},
		"TokenHomeAdded":  {"None is added.", `{connectionRef: {name: acme}, token: {scope: Workspace, id: <tok>}, target: {kind: Deployment, id: <dep>}}`, pinned, `{token: {workspaceId: <ws>}}`, refused(cannotChangeToken)},
		"TokenHomeGone":   {"None is taken away from an id.", byID, pinned, `{token: {workspaceId: null}}`, refused(cannotChangeToken)},
		"TokenGone":       {"A token cannot be taken out.", noRole, pinned, `{token: null}`, refused("spec.token: Required value")},
		"PinTooEarly":     {"A name cannot become an id nobody found.", workspaceOnDeployment, "", `{token: {name: null, id: <tok>}}`, refused(cannotChangeToken)},
		"PinUnresolved":   {"Not while status has none.", workspaceOnDeployment, unresolved, `{token: {name: null, id: <tok>}}`, refused(cannotChangeToken)},
		"IdBackToName":    {"An id never becomes a name.", byID, `{token: {id: <tok>, name: CI}}`, `{token: {id: null, name: CI}}`, refused(cannotChangeToken)},
		"IdToOtherPinned": {"Not even to what status says, if it was an id before.", byID, `{token: {id: <other>}}`, `{token: {id: <other>}}`, refused(cannotChangeToken)},

		// The exception: a name becomes the id that was found.
		"PinToken":          {"The name may become the pinned id.", workspaceOnDeployment, pinned, `{token: {name: null, id: <tok>}}`, accepted},
		"PinTokenDropHome":  {"The home Workspace may go with the name, which alone needed it.", workspaceOnDeployment, pinned, `{token: {name: null, id: <tok>, workspaceId: null}}`, accepted},
		"PinTokenAndRole":   {"The role may change at once.", workspaceOnDeployment, pinned, `{token: {name: null, id: <tok>}, role: Deploy Only}`, accepted},
		"PinOrganization":   {"The same for an Organization token.", organizationOnWorkspace, `{token: {id: <tok>}}`, `{token: {name: null, id: <tok>}}`, accepted},
		"PinWrongId":        {"No other id.", workspaceOnDeployment, pinned, `{token: {name: null, id: <other>}}`, refused(cannotChangeToken)},
		"PinIdOfTarget":     {"Not the target's id.", workspaceOnDeployment, pinned, `{token: {name: null, id: <dep>}}`, refused(cannotChangeToken)},
		"PinPrefix":         {"Not a longer one.", workspaceOnDeployment, pinned, `{token: {name: null, id: <tok:26>}}`, refused(cannotChangeToken)},
		"PinWrongScope":     {"The scope stays.", workspaceOnDeployment, pinned, `{token: {name: null, id: <tok>, scope: Organization, workspaceId: null}}`, refused(cannotChangeToken)},
		"PinOtherHome":      {"The home Workspace stays, if it stays.", workspaceOnDeployment, pinned, `{token: {name: null, id: <tok>, workspaceId: <other>}}`, refused(cannotChangeToken)},
		"PinAndName":        {"Both at once are two.", workspaceOnDeployment, pinned, `{token: {id: <tok>}}`, refused("give exactly one of token.name and token.id")},
		"PinAndTakeOutRole": {"The role does not slip out on the way.", workspaceOnDeployment, pinned, `{token: {name: null, id: <tok>}, role: null}`, refused(cannotTakeOutRole)},
		"PinAndMove":        {"Nor does the connection change.", workspaceOnDeployment, pinned, `{token: {name: null, id: <tok>}, connectionRef: {name: other}}`, refused("spec.connectionRef cannot be changed")},
		"PinForgedStatus":   {"A status that comes with the spec is not believed.", workspaceOnDeployment, "", `{token: {name: null, id: <tok>}}`, refused(cannotChangeToken)},

		// The target, likewise.
		"TargetName":           {"A target stays.", workspaceOnDeployment, pinned, `{target: {name: other}}`, refused(cannotChangeTarget)},
		"TargetId":             {"So does an id.", byID, pinned, `{target: {id: <other>}}`, refused(cannotChangeTarget)},
		"TargetKind":           {"And a kind.", byID, pinned, `{target: {kind: Workspace, workspaceId: null}, token: {scope: Organization, workspaceId: null}, role: WORKSPACE_OWNER}`, refused(cannotChangeTarget, cannotChangeToken)},
		"TargetHome":           {"And a Workspace.", workspaceOnDeployment, pinned, `{target: {workspaceId: <other>}}`, refused(cannotChangeTarget)},
		"TargetGone":           {"A target cannot be taken out.", byID, pinned, `{target: null}`, refused("spec.target: Required value")},
		"PinTarget":            {"The name may become the pinned id.", workspaceOnDeployment, pinned, `{target: {name: null, id: <dep>}}`, accepted},
		"PinTargetDropHome":    {"Its Workspace may go.", workspaceOnDeployment, pinned, `{target: {name: null, id: <dep>, workspaceId: null}}`, accepted},
		"PinWorkspace":         {"The same for a Workspace.", organizationOnWorkspace, `{target: {id: <ws>}}`, `{target: {name: null, id: <ws>}}`, accepted},
		"PinTargetTooEarly":    {"Not before it was found.", workspaceOnDeployment, unresolved, `{target: {name: null, id: <dep>}}`, refused(cannotChangeTarget)},
		"PinTargetWrongId":     {"No other id.", workspaceOnDeployment, pinned, `{target: {name: null, id: <other>}}`, refused(cannotChangeTarget)},
		"PinTargetOtherHome":   {"In no other Workspace.", workspaceOnDeployment, pinned, `{target: {name: null, id: <dep>, workspaceId: <other>}}`, refused(cannotChangeTarget)},
		"PinTargetOtherKind":   {"Of no other kind.", organizationOnDeployment, `{target: {id: <dep>}}`, `{target: {name: null, id: <dep>, kind: Workspace, workspaceId: null}, role: WORKSPACE_OWNER}`, refused(cannotChangeTarget)},
		"PinBoth":              {"Both names may become ids at once.", workspaceOnDeployment, pinned, `{token: {name: null, id: <tok>}, target: {name: null, id: <dep>}}`, accepted},
		"PinBothOneWrong":      {"Both must be right.", workspaceOnDeployment, pinned, `{token: {name: null, id: <tok>}, target: {name: null, id: <other>}}`, refused(cannotChangeTarget)},
		"PinBothSwapped":       {"And in their places.", workspaceOnDeployment, pinned, `{token: {name: null, id: <dep>}, target: {name: null, id: <tok>}}`, refused(cannotChangeToken, cannotChangeTarget)},
		"PinTokenChangeTarget": {"One that is right does not carry one that is not.", workspaceOnDeployment, pinned, `{token: {name: null, id: <tok>}, target: {name: other}}`, refused(cannotChangeTarget)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			object := mustCreate(t, "ScopedTokenBinding", tc.spec, tc.status)
			_, err := patch(t, object, types.MergePatchType, "{spec: "+tc.patch+", status: {token: {id: <tok>}}}")
			check(t, tc.reason, err, tc.want)
		})
	}
}

// TestTwoSteps looks for a way round immutability by several updates that are each allowed.
func TestTwoSteps(t *testing.T) {
	type step struct {
		patch string
		want  []string
	}
	cases := map[string]struct {
		reason, status string
		steps          []step
	}{
		"PinThenAnother": {"Once an id stands there, it stands.", `{token: {id: <tok>}, target: {id: <dep>}}`, []step{
			{`{spec: {token: {name: null, id: <tok>}}}`, accepted},
			{`{spec: {token: {id: <other>}}}`, refused(cannotChangeToken)},
			{`{spec: {token: {name: CI, id: null}}}`, refused(cannotChangeToken)},
		}},
		"DropHomeThenAnother": {"A home that was dropped does not come back as another.", `{token: {id: <tok>}, target: {id: <dep>}}`, []step{
			{`{spec: {token: {name: null, id: <tok>, workspaceId: null}}}`, accepted},
			{`{spec: {token: {workspaceId: <other>}}}`, refused(cannotChangeToken)},
		}},
		"StatusWithSpec": {"A status written with the spec is not kept, so it helps no later update.", "", []step{
			{`{status: {token: {id: <other>}, target: {id: <other>}}}`, accepted},
			{`{spec: {token: {name: null, id: <other>}}}`, refused(cannotChangeToken)},
			{`{spec: {target: {name: null, id: <other>}}}`, refused(cannotChangeTarget)},
		}},
		"SuspendAndObserve": {"No setting opens the lock.", "", []step{
			{`{spec: {suspend: true, mode: Observe, deletionPolicy: Retain}}`, accepted},
			{`{spec: {token: {name: Other}}}`, refused(cannotChangeToken)},
			{`{spec: {role: null}}`, refused(cannotTakeOutRole)},
		}},
		"FinalizerAndAnnotations": {"Metadata does not open it either.", "", []step{
			{`{metadata: {annotations: {astro.scopedtoken.dev/confirm-token: <other>, astro.scopedtoken.dev/release: "true"}}}`, accepted},
			{`{spec: {token: {name: null, id: <other>}}}`, refused(cannotChangeToken)},
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			object := mustCreate(t, "ScopedTokenBinding", workspaceOnDeployment, tc.status)
			for _, step := range tc.steps {
				_, err := patch(t, object, types.MergePatchType, step.patch)
				check(t, tc.reason+" "+step.patch, err, step.want)
			}
		})
	}
}
