package astrosim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
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
	return fmt.Sprint(r.status)
}

func writeTo(with astrosim.With) asked {
	return func(w *world) string {
		id := w.AddOrganizationToken(w.org, "odd", "ORGANIZATION_MEMBER", with)
		return fmt.Sprint(w.setRoles(id, w.orgRole()).status)
	}
}

func listExpired(w *world) string {
	id := w.AddOrganizationToken(w.org, "old", "ORGANIZATION_MEMBER", astrosim.Expires(time.Now().Add(-time.Hour)))
	return fmt.Sprint(w.get("/tokens").page(w.t).TotalCount, " ", w.get("/tokens/"+id).status)
}

func sameName(w *world) string {
	return fmt.Sprint(w.do(http.MethodPost, "/tokens", `{"name":"ci","scope":"ORGANIZATION","role":"ORGANIZATION_MEMBER"}`).status)
}

func updatedAt(w *world) string {
	before, _ := w.Token(w.ci)
	time.Sleep(3 * time.Millisecond)
	w.setRoles(w.ci, w.orgRole())
	after, _ := w.Token(w.ci)
	return fmt.Sprint(after.UpdatedAt.After(before.UpdatedAt))
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
	return fmt.Sprint(len(roles))
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
		return fmt.Sprint(r.status)
	}
	return fmt.Sprint(len(r.page(w.t).Tokens), " of ", r.page(w.t).TotalCount)
}

func defaultOrder(w *world) string {
	time.Sleep(3 * time.Millisecond)
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
	return fmt.Sprint(w.send(http.MethodGet, "/v1/organizations/"+w.AddOrganization("Other"), "", w.credential).status)
}

func expiredCredential(w *world) string {
	id := w.AddOrganizationToken(w.org, "old", "ORGANIZATION_OWNER", astrosim.Expires(time.Now().Add(-time.Hour)))
	return fmt.Sprint(w.send(http.MethodGet, w.path(""), "", w.Credential(id)).status)
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

var switchCases = map[string]struct {
	ask     asked
	answers map[astrosim.Choice]string
}{
	"deployment-without-workspace": {deploymentOnly, map[astrosim.Choice]string{
		"Accept": "200 [org=OM dep=DA]", "Reject400": "400 [org=OM]", "Reject403": "403 [org=OM]", "AddAccessor": "200 [org=OM dep=DA ws=WORKSPACE_ACCESSOR]"}},
	"dag-without-deployment": {dagOnly, map[astrosim.Choice]string{
		"Accept": "200 [org=OM DAG/daily@dep=DAG_VIEWER]", "Reject400": "400 [org=OM]",
		"AddAccessor": "200 [org=OM DAG/daily@dep=DAG_VIEWER dep=DEPLOYMENT_ACCESSOR]"}},
	"remove-workspace-role": {dropWorkspace, map[astrosim.Choice]string{
		"Accept": "200 [org=OM dep=DA]", "Reject": "400 [org=OM ws=WM dep=DA]", "Cascade": "200 [org=OM]"}},
	"missing-own-scope-role": {withoutOwnScope, map[astrosim.Choice]string{"Reject": "400 [org=OM]", "Accept": "200 [ws=WM]"}},
	"scope-rules":            {aboveScope, map[astrosim.Choice]string{"Reject": "400 [ws=WM]", "Accept": "200 [ws=WM org=OM]"}},
	"unknown-entity":         {onNothing, map[astrosim.Choice]string{"Reject400": "400 [org=OM]", "Reject404": "404 [org=OM]"}},
	"dead-entity":            {onDead, map[astrosim.Choice]string{"Reject": "400 [org=OM]", "Accept": "200 [org=OM dep=DA]"}},
	"deployment-deletion": {deleteDeployment, map[astrosim.Choice]string{
		"Strip": "[org=OM] own token left: false", "Keep": "[org=OM dep=DA DAG/daily@dep=DAG_VIEWER] own token left: false"}},
	"workspace-deletion": {deleteWorkspace, map[astrosim.Choice]string{
		"Strip": "[org=OM] own token left: false", "Keep": "[org=OM ws=WM] own token left: false"}},
	"duplicates": {twice, map[astrosim.Choice]string{"Reject": "400 [org=OM]", "Merge": "200 [org=OM ws=WM]"}},
	"role-name-case": {otherCase, map[astrosim.Choice]string{
		"Exact": "400 [org=OM]", "Ignore": "200 [org=OM dep=deploy only]", "Canonical": "200 [org=OM dep=Deploy Only]"}},
	"custom-role-change": {renameCustomRole, map[astrosim.Choice]string{
		"Keep": "[org=OM dep=Deploy Only] 200", "Follow": "[org=OM dep=Shipper] 400", "Strip": "[org=OM] 400", "RejectNextWrite": "[org=OM dep=Deploy Only] 400"}},
	"foreign-deployment":        {foreignDeployment, map[astrosim.Choice]string{"Reject": "400 [ws=WM]", "Accept": "200 [ws=WM dep2=DA]"}},
	"dag-roles":                 {dagOnWorkspaceToken, map[astrosim.Choice]string{"AnyToken": "200", "OrgTokensOnly": "400"}},
	"direct-access-roles":       {writeTo(astrosim.Kind("DIRECT_ACCESS")), map[astrosim.Choice]string{"Reject": "400", "Accept": "200"}},
	"expired-token-roles":       {writeTo(astrosim.Expires(time.Unix(0, 0))), map[astrosim.Choice]string{"Accept": "200", "Reject": "400"}},
	"expired-token-lists":       {listExpired, map[astrosim.Choice]string{"Listed": "5 200", "Hidden": "4 200"}},
	"duplicate-token-names":     {sameName, map[astrosim.Choice]string{"Accept": "200", "Reject": "400"}},
	"updated-at-on-role-change": {updatedAt, map[astrosim.Choice]string{"Moves": "true", "Stays": "false"}},
	"roles-answer": {rolesAnswer, map[astrosim.Choice]string{
		"Full": `{"organizationRole":"ORGANIZATION_MEMBER","workspaceRoles":[{"workspaceId":"ws","role":"WORKSPACE_MEMBER"}],` +
			`"dagRoles":[{"deploymentId":"dep","dagTag":"pii","role":"DAG_VIEWER"}]}`,
		"Empty": `{}`, "Stale": `{"organizationRole":"ORGANIZATION_MEMBER"}`}},
	"role-writers": {writers, map[astrosim.Choice]string{
		"WorkspaceOwner": "[200 200 403]", "DeploymentAdmin": "[200 200 200]", "OrgOwner": "[200 403 403]"}},
	"filtered-list-roles": {filteredRoles, map[astrosim.Choice]string{"Complete": "2", "FilteredOnly": "1"}},
	"workspace-filter":    {filterWorkspace, map[astrosim.Choice]string{"RoleThere": "", "RoleBelow": "ci", "Inherited": "operator ci"}},
	"deployment-filter":   {filterDeployment, map[astrosim.Choice]string{"RoleThere": "dep-ci", "Inherited": "operator ws-ci dep-ci"}},
	"token-filters":       {twoFilters, map[astrosim.Choice]string{"All": "", "Any": "operator ci ws-ci"}},
	"names-filter": {filterNames, map[astrosim.Choice]string{
		"Exact": "data|", "Partial": "data|", "CaseInsensitive": "data|data"}},
	"limit-zero": {limitZero, map[astrosim.Choice]string{"Default": "4 of 4", "Empty": "0 of 4", "Reject": "400"}},
	"default-order": {defaultOrder, map[astrosim.Choice]string{
		"CreatedAsc": "operator ci ws-ci dep-ci a last", "CreatedDesc": "a last *", "ByName": "a last ci dep-ci operator ws-ci", "Shuffled": "many"}},
	"hidden-entity":        {hiddenEntity, map[astrosim.Choice]string{"NotFound": "404 404 404", "Forbidden": "403 403 403"}},
	"foreign-organization": {foreignOrganization, map[astrosim.Choice]string{"Forbidden": "403", "NotFound": "404"}},
	"expired-credential":   {expiredCredential, map[astrosim.Choice]string{"Unauthorized": "401", "Forbidden": "403"}},
	"limit-scope":          {limited, map[astrosim.Choice]string{"PerToken": "[200 200 429 200]", "PerTenant": "[200 200 429 429]"}},
	"limit-window":         {limited, map[astrosim.Choice]string{"Bucket": "[200 200 429 200]", "Sliding": "[200 200 429 200]", "Fixed": "*"}},
	"throttle-body": {throttleBody, map[astrosim.Choice]string{
		"Text": `429 "text/plain; charset=utf-8" Too m`, "Empty": `429 "" `, "HTML": `429 "text/html" <html`, "JSON": `429 "application/json; charset=utf-8" {"mes`}},
	"retry-after": {retryAfter, map[astrosim.Choice]string{"Absent": "", "Seconds": "1", "Date": "a date"}},
}

func TestSwitches(t *testing.T) {
	for _, sw := range astrosim.Switches() {
		for _, v := range sw.Values {
			t.Run(sw.Name+"="+string(v.Choice), func(t *testing.T) {
				tc, known := switchCases[sw.Name]
				want, told := tc.answers[v.Choice]
				if !known || !told {
					t.Fatal("no case asks for this value")
				}
				got := tc.ask(newWorld(t, astrosim.Options{Behaviour: withBehaviour(t, sw.Name+"="+string(v.Choice))}))
				prefix, open := strings.CutSuffix(want, "*")
				if open && !strings.HasPrefix(got, prefix) || !open && got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			})
		}
	}
}

func TestPartialNames(t *testing.T) {
	w := newWorld(t, astrosim.Options{Behaviour: withBehaviour(t, "names-filter=Partial")})
	if got := w.get("/workspaces?names=ata").page(t).names(); got != "data Data Science" {
		t.Errorf("got %q", got)
	}
}

func TestSwitchesAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/simulator.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), astrosim.SwitchesMarkdown()) {
		t.Error("docs/simulator.md has another table of switches than bin/astrosim --list-behaviour prints")
	}
	for _, kind := range astrosim.FaultKinds() {
		if !strings.Contains(string(page), "`"+string(kind)+"`") {
			t.Errorf("docs/simulator.md does not tell of the fault %s", kind)
		}
	}
	for _, sw := range astrosim.Switches() {
		var values []string
		for _, v := range sw.Values {
			values = append(values, string(v.Choice))
		}
		if line := fmt.Sprintf("//\t%-29s %s\n", sw.Name, strings.Join(values, " | ")); !strings.Contains(string(doc), line) {
			t.Errorf("doc.go lacks the line %q", line)
		}
	}
}

func TestBehaviourRefusesWhatNoSwitchTakes(t *testing.T) {
	var b astrosim.Behaviour
	for setting, want := range map[string]string{
		"no-such-switch=Accept": "no switch is named",
		"duplicates=Maybe":      "takes Reject, Merge",
	} {
		name, value, _ := strings.Cut(setting, "=")
		if err := b.Set(name, value); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", setting, err, want)
		}
	}
	if err := b.Set("DUPLICATES", "merge"); err != nil {
		t.Error(err)
	}
	if got, err := b.Get("duplicates"); err != nil || got != astrosim.Merge {
		t.Errorf("got %v %v", got, err)
	}
}
