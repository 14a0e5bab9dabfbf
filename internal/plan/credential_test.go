package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

const (
	operator = "cltk0000000000000operator"
	second   = "cltk0000000000000000second"
)

// connects adds the connection second to the Organization, whose API token has the id second.
func connects(w *World) {
	c := builders.Connection("second").To("https://api.astronomer.io", org).In("team").Object()
	c.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Connected"}}
	c.Status.CredentialTokenID = second
	w.Connections = append(w.Connections, c)
}

// credential lists an API token that connections work with, and its role on the Organization or on a Workspace.
func credential(id string, kind astro.EntityType, on, role string) func(*World) {
	return func(w *World) {
		t := token(id, id)
		t.Roles = []astro.Role{astro.NewRole(kind, on, role)}
		w.Organizations[acme].Tokens = append(w.Organizations[acme].Tokens, t)
	}
}

// TestOwnRoles: what a connection's API token owns decides whether its claims keep a role, and which claim stands.
func TestOwnRoles(t *testing.T) {
	heir := func(own func(*World)) World {
		w := asLeft(world(own, connection(func(c *v1alpha1.AstroConnection) { c.Spec.MaxRevocationsPerSweep = 1 }), connects,
			declares(on("a")), declares(on("heir").Through("second")), declares(builders.Binding("c").ForTokenID(ci).OnDeployment(reports))))
		deleted("a")(&w)
		deleted("c")(&w)
		return w
	}
	found := func(own func(*World)) World {
		w := asLeft(world(own, credential(operator, astro.EntityOrganization, org, "ORGANIZATION_OWNER"), connects, holds(etl, deployer),
			declares(on("found").WithRole(deployer).Through("second"))))
		declares(on("a"))(&w)
		return w
	}
	cases := map[string]struct {
		reason string
		world  World
		want   map[string]string
	}{
		"OwnerKeeps": {
			"An owner of the Organization keeps the role without a gap, which takes nothing of the limit.",
			heir(credential(second, astro.EntityOrganization, org, "ORGANIZATION_OWNER")),
			map[string]string{"a": "release gone", "heir": "none Granted", "c": `revoke "DEPLOYMENT_ADMIN" to "" gone`},
		},
		"WorkspaceOwnerKeeps": {
			"So does an owner of the Workspace.", heir(credential(second, astro.EntityWorkspace, data, "WORKSPACE_OWNER")),
			map[string]string{"a": "release gone", "heir": "none Granted", "c": `revoke "DEPLOYMENT_ADMIN" to "" gone`},
		},
		"OwnerElsewhere": {
			"What it owns elsewhere does not count: the role is revoked, for which the limit has no room beside the other one.",
			heir(credential(second, astro.EntityWorkspace, "clws0000000000000000other", "WORKSPACE_OWNER")),
			map[string]string{"a": "blocked RevocationLimited", "heir": "none Granted", "c": `revoke "DEPLOYMENT_ADMIN" to "" gone`},
		},
		"StandsBack": {
			"A claim that only took over a role stands back where its API token may not write it.",
			found(credential(second, astro.EntityOrganization, org, "ORGANIZATION_MEMBER")),
			map[string]string{"found": `blocked "Deploy Only" to "DEPLOYMENT_ADMIN" PermissionDenied`, "a": `change "Deploy Only" to "DEPLOYMENT_ADMIN" Adopted`},
		},
		"Stands": {
			"It stands where it may.", found(credential(second, astro.EntityOrganization, org, "ORGANIZATION_OWNER")),
			map[string]string{"found": "none Adopted", "a": "blocked ConflictingBinding"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			fails(t, tc.reason, cmp.Diff(tc.want, words(Run(tc.world))))
		})
	}
}
