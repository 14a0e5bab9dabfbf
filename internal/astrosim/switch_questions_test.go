package astrosim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// asked puts the question of a switch to the simulated Astro and returns what it was answered, in short.
type asked func(w *world) string

// stored is the status of a role write and what the token holds after it, the names of ids put in for reading.
func (w *world) stored(token string, roles ...astrosim.Role) string {
	w.t.Helper()
	r := w.setRoles(token, roles...)
	return fmt.Sprint(r.status, " ", w.readable(token))
}

func (w *world) readable(token string) string {
	names := strings.NewReplacer(w.org, "org", w.ws, "ws", w.ws2, "ws2", w.dep, "dep", w.dep2, "dep2", "ORGANIZATION_MEMBER", "OM",
		"WORKSPACE_MEMBER", "WM", "DEPLOYMENT_ADMIN", "DA", "ORGANIZATION/", "", "WORKSPACE/", "", "DEPLOYMENT/", "")
	return names.Replace(roleStrings(w.Roles(token)))
}

func deploymentOnly(w *world) string {
	return w.stored(w.ci, w.orgRole(), astrosim.DeploymentRole(w.dep, "DEPLOYMENT_ADMIN"))
}

func dagOnly(w *world) string {
	return w.stored(w.ci, w.orgRole(), astrosim.DAGRole(w.dep, "daily", "DAG_VIEWER"))
}

func dropWorkspace(w *world) string {
	both := []astrosim.Role{w.orgRole(), astrosim.WorkspaceRole(w.ws, "WORKSPACE_MEMBER"), astrosim.DeploymentRole(w.dep, "DEPLOYMENT_ADMIN")}
	w.SetRoles(w.ci, both...)
	return w.stored(w.ci, both[0], both[2])
}

func withoutOwnScope(w *world) string {
	return w.stored(w.ci, astrosim.WorkspaceRole(w.ws, "WORKSPACE_MEMBER"))
}

func aboveScope(w *world) string {
	return w.stored(w.wsToken, astrosim.WorkspaceRole(w.ws, "WORKSPACE_MEMBER"), w.orgRole())
}

func onNothing(w *world) string {
	return w.stored(w.ci, w.orgRole(), astrosim.WorkspaceRole("cnothing0000000000000000", "WORKSPACE_MEMBER"))
}

func onDead(w *world) string {
	held := []astrosim.Role{w.orgRole(), astrosim.DeploymentRole(w.dep, "DEPLOYMENT_ADMIN")}
	w.DeleteDeployment(w.dep)
	return w.stored(w.ci, held...)
}

func deleteDeployment(w *world) string {
	w.SetRoles(w.ci, w.orgRole(), astrosim.DeploymentRole(w.dep, "DEPLOYMENT_ADMIN"), astrosim.DAGRole(w.dep, "daily", "DAG_VIEWER"))
	w.DeleteDeployment(w.dep)
	_, left := w.Token(w.depToken)
	return fmt.Sprint(w.readable(w.ci), " own token left: ", left)
}

func deleteWorkspace(w *world) string {
	w.SetRoles(w.ci, w.orgRole(), astrosim.WorkspaceRole(w.ws, "WORKSPACE_MEMBER"))
	w.DeleteWorkspace(w.ws)
	_, left := w.Token(w.wsToken)
	return fmt.Sprint(w.readable(w.ci), " own token left: ", left)
}

func moveDeployment(w *world) string {
	w.SetRoles(w.ci, w.orgRole(), astrosim.WorkspaceRole(w.ws, "WORKSPACE_MEMBER"), astrosim.DeploymentRole(w.dep, "DEPLOYMENT_ADMIN"),
		astrosim.DAGRole(w.dep, "daily", "DAG_VIEWER"))
	w.MoveDeployment(w.dep, w.ws2)
	var moved struct{ WorkspaceID string }
	w.get("/deployments/"+w.dep).decode(w.t, &moved)
	in := map[string]string{w.ws: "ws", w.ws2: "ws2"}[moved.WorkspaceID]
	return fmt.Sprint(w.readable(w.ci), " in ", in, ", its own token: ", w.readable(w.depToken))
}

func twice(w *world) string {
	return w.stored(w.ci, w.orgRole(), astrosim.WorkspaceRole(w.ws, "WORKSPACE_OWNER"), astrosim.WorkspaceRole(w.ws, "WORKSPACE_MEMBER"))
}

func otherCase(w *world) string {
	return w.stored(w.ci, w.orgRole(), astrosim.DeploymentRole(w.dep, "deploy only"))
}

func renameCustomRole(w *world) string {
	held := []astrosim.Role{w.orgRole(), astrosim.DeploymentRole(w.dep, "Deploy Only")}
	w.SetRoles(w.ci, held...)
	w.RenameCustomRole(w.org, "Deploy Only", "Shipper")
	after := w.readable(w.ci)
	return fmt.Sprint(after, " ", w.setRoles(w.ci, held...).status)
}

func foreignDeployment(w *world) string {
	return w.stored(w.wsToken, astrosim.WorkspaceRole(w.ws, "WORKSPACE_MEMBER"), astrosim.DeploymentRole(w.dep2, "DEPLOYMENT_ADMIN"))
}

func dagOnWorkspaceToken(w *world) string {
	r := w.setRoles(w.wsToken, astrosim.WorkspaceRole(w.ws, "WORKSPACE_MEMBER"), astrosim.DAGRole(w.dep, "daily", "DAG_VIEWER"))
	return strconv.Itoa(r.status)
}

func writeTo(with astrosim.With) asked {
	return func(w *world) string {
		id := w.AddOrganizationToken(w.org, "odd", "ORGANIZATION_MEMBER", with)
		return strconv.Itoa(w.setRoles(id, w.orgRole()).status)
	}
}

func listExpired(w *world) string {
	id := w.AddOrganizationToken(w.org, "old", "ORGANIZATION_MEMBER", astrosim.Expires(w.clock.now().Add(-time.Hour)))
	return fmt.Sprint(w.get("/tokens").page(w.t).TotalCount, " ", w.get("/tokens/"+id).status)
}

func sameName(w *world) string {
	return strconv.Itoa(w.do(http.MethodPost, "/tokens", `{"name":"ci","scope":"ORGANIZATION","role":"ORGANIZATION_MEMBER"}`).status)
}

func updatedAt(w *world) string {
	before, _ := w.Token(w.ci)
	w.clock.advance(time.Second)
	w.setRoles(w.ci, w.orgRole())
	after, _ := w.Token(w.ci)
	return strconv.FormatBool(after.UpdatedAt.After(before.UpdatedAt))
}

func rolesAnswer(w *world) string {
	r := w.setRoles(w.ci, w.orgRole(), astrosim.WorkspaceRole(w.ws, "WORKSPACE_MEMBER"), astrosim.DAGTagRole(w.dep, "pii", "DAG_VIEWER"))
	return strings.ReplaceAll(strings.ReplaceAll(string(r.body), w.ws, "ws"), w.dep, "dep")
}

// writers are the statuses that an Organization Owner, a Workspace Owner and a Deployment Admin get for a write.
func writers(w *world) string {
	w.SetRoles(w.ci, w.orgRole(), astrosim.WorkspaceRole(w.ws, "WORKSPACE_MEMBER"))
	owner := w.AddWorkspaceToken(w.ws, "owner", "WORKSPACE_OWNER")
	admin := w.AddWorkspaceToken(w.ws, "admin", "WORKSPACE_OPERATOR", astrosim.Roles(astrosim.DeploymentRole(w.dep, "DEPLOYMENT_ADMIN")))
	var statuses []int
	for i, writer := range []string{w.operator, owner, admin} {
		w.credential = w.Credential(writer)
		role := []string{"DEPLOYMENT_ADMIN", "Deploy Only", "DEPLOYMENT_ACCESSOR"}[i]
		roles := []astrosim.Role{w.orgRole(), astrosim.WorkspaceRole(w.ws, "WORKSPACE_MEMBER"), astrosim.DeploymentRole(w.dep, role)}
		statuses = append(statuses, w.setRoles(w.ci, roles...).status)
	}
	return fmt.Sprint(statuses)
}

func filteredRoles(w *world) string {
	w.SetRoles(w.ci, w.orgRole(), astrosim.WorkspaceRole(w.ws2, "WORKSPACE_MEMBER"))
	var roles []astrosim.Role
	if err := json.Unmarshal(w.get("/tokens?workspaceId=" + w.ws2).page(w.t).Tokens[0].Roles, &roles); err != nil {
		w.t.Fatal(err)
	}
	return strconv.Itoa(len(roles))
}

func filterWorkspace(w *world) string {
	w.SetRoles(w.ci, w.orgRole(), astrosim.DeploymentRole(w.dep2, "DEPLOYMENT_ADMIN"))
	return w.get("/tokens?workspaceId=" + w.ws2).page(w.t).names()
}

func filterDeployment(w *world) string {
	return w.get("/tokens?deploymentId=" + w.dep).page(w.t).names()
}

func twoFilters(w *world) string {
	return w.get("/tokens?includeOnlyOrganizationTokens=true&workspaceId=" + w.ws).page(w.t).names()
}

func filterNames(w *world) string {
	return w.get("/workspaces?names=data").page(w.t).names() + "|" + w.get("/workspaces?names=DATA").page(w.t).names()
}

func limitZero(w *world) string {
	r := w.get("/tokens?limit=0")
	if r.status != http.StatusOK {
		return strconv.Itoa(r.status)
	}
	return fmt.Sprint(len(r.page(w.t).Tokens), " of ", r.page(w.t).TotalCount)
}

func defaultOrder(w *world) string {
	w.clock.advance(time.Second)
	w.AddOrganizationToken(w.org, "a last", "ORGANIZATION_MEMBER")
	orders := map[string]bool{}
	for range 20 {
		orders[w.get("/tokens").page(w.t).names()] = true
	}
	if len(orders) > 1 {
		return "many"
	}
	for order := range orders {
		return order
	}
	return ""
}

func hiddenEntity(w *world) string {
	w.credential = w.Credential(w.wsToken)
	return fmt.Sprint(w.get("/workspaces/"+w.ws2).status, w.get("/deployments/"+w.dep2).status, w.get("/tokens/"+w.operator).status)
}

func foreignOrganization(w *world) string {
	return strconv.Itoa(w.send(http.MethodGet, "/v1/organizations/"+w.AddOrganization("Other"), "", w.credential).status)
}

func expiredCredential(w *world) string {
	id := w.AddOrganizationToken(w.org, "old", "ORGANIZATION_OWNER", astrosim.Expires(w.clock.now().Add(-time.Hour)))
	return strconv.Itoa(w.send(http.MethodGet, w.path(""), "", w.Credential(id)).status)
}

// limited are the statuses of three calls of one token and one of another at a limit of two.
func limited(w *world) string {
	w.SetLimits(astrosim.Limits{Get: 2})
	other := w.AddOrganizationToken(w.org, "other", "ORGANIZATION_OWNER")
	statuses := []int{w.get("").status, w.get("").status, w.get("").status}
	return fmt.Sprint(append(statuses, w.send(http.MethodGet, w.path(""), "", w.Credential(other)).status))
}

func throttle(w *world) reply {
	w.SetLimits(astrosim.Limits{Get: 1})
	w.get("")
	return w.get("")
}

func throttleBody(w *world) string {
	r := throttle(w)
	return fmt.Sprintf("%d %q %.5s", r.status, r.header.Get("Content-Type"), r.body)
}

func retryAfter(w *world) string {
	text := throttle(w).header.Get("Retry-After")
	if _, err := http.ParseTime(text); err == nil {
		return "a date"
	}
	return text
}
