package astrosim_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestListsAreFilteredByPermission(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	accessor := w.AddOrganizationToken(w.org, "accessor", "ORGANIZATION_MEMBER", astrosim.Roles(
		astrosim.WorkspaceRole(w.ws2, "WORKSPACE_ACCESSOR"), astrosim.DeploymentRole(w.dep, "DEPLOYMENT_ADMIN")))
	owner := w.AddWorkspaceToken(w.ws, "owner", "WORKSPACE_OWNER")
	cases := map[string]struct {
		token                           string
		tokens, workspaces, deployments string
	}{
		"Organization Owner":       {w.operator, "operator ci ws-ci dep-ci accessor owner", "data Data Science", "prod-etl models"},
		"Organization Member":      {w.ci, "ci", "", ""},
		"Workspace Accessor":       {accessor, "dep-ci accessor", "Data Science", "prod-etl"},
		"Workspace Owner":          {owner, "ws-ci dep-ci accessor owner", "data", "prod-etl"},
		"Workspace Member":         {w.wsToken, "ws-ci", "data", "prod-etl"},
		"Deployment Admin's token": {w.depToken, "dep-ci accessor", "", "prod-etl"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w.credential = w.Credential(tc.token)
			got := []string{w.get("/tokens").page(t).names(), w.get("/workspaces").page(t).names(), w.get("/deployments").page(t).names()}
			if want := []string{tc.tokens, tc.workspaces, tc.deployments}; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestDowngradedCredential(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	w.DowngradeCredential(w.operator, "ORGANIZATION_MEMBER")
	if got := w.get("/tokens").page(t); got.names() != "operator" || got.TotalCount != 1 {
		t.Errorf("it still lists %q of %d", got.names(), got.TotalCount)
	}
	if r := w.setRoles(w.operator, w.orgRole(), astrosim.WorkspaceRole(w.ws, "WORKSPACE_OWNER")); r.status != http.StatusForbidden {
		t.Errorf("it may still write: %d", r.status)
	}
}

func TestWhoMayManageTokens(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	owner := w.Credential(w.AddWorkspaceToken(w.ws, "owner", "WORKSPACE_OWNER"))
	create := func(scope, entity, role string) string {
		return fmt.Sprintf(`{"name":"n","scope":%q,"entityId":%q,"role":%q}`, scope, entity, role)
	}
	cases := map[string]struct {
		method, path, body string
		status             int
	}{
		"a token of its Workspace":          {"POST", "/tokens", create("WORKSPACE", w.ws, "WORKSPACE_MEMBER"), 200},
		"a token of its Deployment":         {"POST", "/tokens", create("DEPLOYMENT", w.dep, "DEPLOYMENT_ADMIN"), 200},
		"a token of another Workspace":      {"POST", "/tokens", create("WORKSPACE", w.ws2, "WORKSPACE_MEMBER"), 403},
		"an Organization token":             {"POST", "/tokens", create("ORGANIZATION", "", "ORGANIZATION_MEMBER"), 403},
		"rename a token of its Workspace":   {"POST", "/tokens/" + w.wsToken, `{"name":"renamed"}`, 200},
		"rename a token that it cannot see": {"POST", "/tokens/" + w.ci, `{"name":"renamed"}`, 404},
		"rotate a token of its Deployment":  {"POST", "/tokens/" + w.depToken + "/rotate", "", 200},
		"delete a token that it cannot see": {"DELETE", "/tokens/" + w.operator, "", 404},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if r := w.send(tc.method, w.path(tc.path), tc.body, owner); r.status != tc.status {
				t.Errorf("got %d %s, want %d", r.status, r.body, tc.status)
			}
		})
	}
}
