package apirules

import (
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// TestDefaults compares a whole object as it comes back with what was written.
func TestDefaults(t *testing.T) {
	const connection = `{organizationId: <org>, apiURL: "https://api.astronomer.io", credentialsSecretRef: {name: astro, key: token}, sweepInterval: 5m0s,
		rateLimit: {readsPerSecond: 25, writesPerSecond: 10}, mode: Enforce, deletionPolicy: Revoke, onWithdrawal: Freeze, danglingRoles: Keep}`
	cases := map[string]struct{ reason, kind, spec, want string }{
		"Binding": {"No role is filled in, and no deletion policy: the operator says what none means.", "ScopedTokenBinding",
			`{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}}`,
			`{connectionRef: {kind: AstroConnection, name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>},
			  mode: Enforce, adopt: Always, suspend: false}`},
		"Connection":        {"Nobody is allowed anything by default.", "AstroConnection", leastConnection, connection},
		"ClusterConnection": {"The same for the cluster's.", "ClusterAstroConnection", leastConnection, connection},
		"ConnectionNulls": {"Null is the default where that is harmless.", "AstroConnection",
			`{organizationId: <org>, apiURL: null, credentialsSecretRef: {name: astro, key: null}, sweepInterval: null, rateLimit: {readsPerSecond: null}, onWithdrawal: null, danglingRoles: null}`, connection},
		"ConnectionPart": {"A part of the rates.", "AstroConnection",
			`{organizationId: <org>, credentialsSecretRef: {name: astro}, rateLimit: {readsPerSecond: 3}}`,
			`{organizationId: <org>, apiURL: "https://api.astronomer.io", credentialsSecretRef: {name: astro, key: token}, sweepInterval: 5m0s,
			  rateLimit: {readsPerSecond: 3, writesPerSecond: 10}, mode: Enforce, deletionPolicy: Revoke, onWithdrawal: Freeze, danglingRoles: Keep}`},
		"Rule": {"A rule is kept as it was written: no default within it, least of all one that opens the inventory.", "ClusterAstroConnection",
			`{organizationId: <org>, credentialsSecretRef: {name: astro}, allow: [{namespaces: {names: [a]}, tokens: [{scope: Organization, ids: ["*"]}], targets: [{workspaceIds: ["*"]}], roles: ["*"]}]}`,
			connection[:len(connection)-1] + `, allow: [{namespaces: {names: [a]}, tokens: [{scope: Organization, ids: ["*"]}], targets: [{workspaceIds: ["*"]}], roles: ["*"]}]}`},
		"Inventory": {"An inventory has the reference's default, and only shows.", "TargetInventory", leastInventory,
			`{connectionRef: {kind: AstroConnection, name: acme}, target: {kind: Deployment, name: etl, workspaceId: <ws>}, undeclared: Report}`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			object := mustCreate(t, tc.kind, tc.spec, "")
			if diff := cmp.Diff(decode(t, tc.want), plain(t, object.Object["spec"])); diff != "" {
				t.Errorf("%s (-want +got)\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(decode(t, `{observedGeneration: -1}`), plain(t, object.Object["status"])); diff != "" {
				t.Errorf("a new object has been seen by nobody (-want +got)\n%s", diff)
			}
		})
	}
}

// TestObservedGeneration: an object that no operator has seen must not be taken for ready by Flux, Argo CD or kubectl.
func TestObservedGeneration(t *testing.T) {
	const ready = `{type: Ready, status: "True", reason: Granted, message: "", lastTransitionTime: "2026-01-02T03:04:05Z"}`
	cases := map[string]struct {
		reason, status string
		want           status.Status
		observed       int64
	}{
		"New":             {"Nobody has looked.", "", status.InProgressStatus, -1},
		"StatusWithout":   {"A status that does not say what it saw speaks of nothing.", `{conditions: [` + ready + `]}`, status.InProgressStatus, -1},
		"StatusNull":      {"A status taken out is that of a new object.", `null`, status.InProgressStatus, -1},
		"GenerationNull":  {"So is its generation.", `{observedGeneration: null, conditions: [` + ready + `]}`, status.InProgressStatus, -1},
		"Ready":           {"One that was seen is ready.", `{observedGeneration: 1, conditions: [` + ready + `]}`, status.CurrentStatus, 1},
		"Stalled":         {"One that is stuck has failed.", `{observedGeneration: 1, conditions: [{type: Stalled, status: "True", reason: TokenNotFound, message: "", lastTransitionTime: "2026-01-02T03:04:05Z"}]}`, status.FailedStatus, 1},
		"Reconciling":     {"One that is worked on is in progress.", `{observedGeneration: 1, conditions: [{type: Reconciling, status: "True", reason: Pending, message: "", lastTransitionTime: "2026-01-02T03:04:05Z"}]}`, status.InProgressStatus, 1},
		"OldConditions":   {"As is one that changed since.", `{observedGeneration: 0, conditions: [` + ready + `]}`, status.InProgressStatus, 0},
		"NotReadyCurrent": {"Not ready is in progress.", `{observedGeneration: 1, conditions: [{type: Ready, status: "False", reason: Pending, message: "", lastTransitionTime: "2026-01-02T03:04:05Z"}]}`, status.InProgressStatus, 1},
	}
	specs := map[string]string{
		"ScopedTokenBinding": organizationOnWorkspace, "AstroConnection": leastConnection,
		"ClusterAstroConnection": leastConnection, "TargetInventory": leastInventory,
	}
	for kind, spec := range specs {
		for name, tc := range cases {
			t.Run(kind+"/"+name, func(t *testing.T) {
				created := mustCreate(t, kind, spec, tc.status)
				object, err := resource(kind).Get(t.Context(), created.GetName(), metav1.GetOptions{})
				if err != nil {
					t.Fatal(err)
				}
				result, err := status.Compute(object)
				if err != nil {
					t.Fatal(err)
				}
				if result.Status != tc.want {
					t.Errorf("%s\nwant %s, got %s: %s", tc.reason, tc.want, result.Status, result.Message)
				}
				got, _ := object.Object["status"].(map[string]any)["observedGeneration"].(int64)
				if got != tc.observed {
					t.Errorf("%s\nwant observedGeneration %d, got %d", tc.reason, tc.observed, got)
				}
			})
		}
	}
}

// TestStatusAtCreation: who creates an object cannot say what the operator found.
func TestStatusAtCreation(t *testing.T) {
	object := manifest(t, "ScopedTokenBinding", workspaceOnDeployment)
	object.Object["status"] = decode(t, `{observedGeneration: 1, token: {id: <other>}, role: DEPLOYMENT_ADMIN}`)
	created, err := create(t, object)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(decode(t, `{observedGeneration: -1}`), plain(t, created.Object["status"])); diff != "" {
		t.Errorf("the status was believed (-want +got)\n%s", diff)
	}
	_, err = patch(t, created, types.MergePatchType, `{spec: {token: {name: null, id: <other>}}}`)
	check(t, "And does not open the lock.", err, refused(cannotChangeToken))
}
