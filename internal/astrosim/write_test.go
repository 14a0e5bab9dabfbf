package astrosim_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestRolesSurviveByteForByte(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	set := []string{
		`{"entityType":"ORGANIZATION","entityId":"` + w.org + `","role":"ORGANIZATION_MEMBER"}`,
		`{"role":"WORKSPACE_MEMBER", "entityId":"` + w.ws + `","entityType":"WORKSPACE","note":"<a & b>","n":1.50}`,
		`{"entityType":"DAG_TAG","entityId":"pii","role":"DAG_VIEWER","deploymentId":"` + w.dep + `"}`,
		`{"entityType":"ASSET","entityId":"s3://lake","role":"ASSET_READER","nested":{"b":[1,2],"a":null}}`,
	}
	var seeded []astrosim.Role
	for _, raw := range set {
		seeded = append(seeded, astrosim.RawRole(raw))
	}
	w.SetRoles(w.ci, seeded...)
	want := "[" + strings.Join(set, ",") + "]"
	rolesOf := func() (got, listed string) {
		var token struct{ Roles json.RawMessage }
		w.get("/tokens/"+w.ci).decode(t, &token)
		return string(token.Roles), string(w.get("/tokens?sorts=createdAt:asc").page(t).Tokens[1].Roles)
	}
	for _, step := range []string{"seeded", "written back"} {
		if got, listed := rolesOf(); got != want || listed != want {
			t.Errorf("%s: got %s and listed %s, want %s", step, got, listed, want)
		}
		if r := w.do(http.MethodPost, "/tokens/"+w.ci+"/roles", `{"roles":`+want+`}`); r.status != http.StatusOK {
			t.Fatalf("write back: %d %s", r.status, r.body)
		}
	}
	w.setRoles(w.ci, seeded[0])
	if got, _ := rolesOf(); got != "["+set[0]+"]" {
		t.Errorf("what is not sent is removed: got %s", got)
	}
}

func TestAudit(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	own, member := w.orgRole(), astrosim.WorkspaceRole(w.ws, "WORKSPACE_MEMBER")
	w.setRoles(w.ci, own, member)
	w.setRoles(w.ci, member)
	w.GrantRole(w.ci, astrosim.TypeWorkspace, w.ws, "WORKSPACE_OWNER")
	w.RevokeRole(w.ci, astrosim.TypeWorkspace, w.ws)
	type row struct {
		By        string
		Status    int
		OutOfBand bool
		Before    string
		After     string
	}
	var got []row
	for _, a := range w.Audit() {
		got = append(got, row{a.By, a.Status, a.OutOfBand, fmt.Sprint(a.Before), fmt.Sprint(a.After)})
	}
	alone, both := fmt.Sprint([]astrosim.Role{own}), fmt.Sprint([]astrosim.Role{own, member})
	owner := fmt.Sprint([]astrosim.Role{own, astrosim.WorkspaceRole(w.ws, "WORKSPACE_OWNER")})
	want := []row{
		{w.operator, 200, false, alone, both}, {w.operator, 400, false, both, both},
		{"", 200, true, both, owner}, {"", 200, true, owner, alone},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if a := w.Audit(); !a[0].Changed() || a[1].Changed() {
		t.Error("only writes that took place have changed something")
	}
	w.ResetAudit()
	if len(w.Audit()) != 0 {
		t.Error("the audit was not forgotten")
	}
}

func TestTryRoles(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	own, member := w.orgRole(), astrosim.WorkspaceRole(w.ws, "WORKSPACE_MEMBER")
	cases := map[string]struct {
		by   string
		set  []astrosim.Role
		want int
	}{
		"Taken":    {w.operator, []astrosim.Role{own, member}, 200},
		"Invalid":  {w.operator, []astrosim.Role{member}, 400},
		"Empty":    {w.operator, nil, 400},
		"NoRight":  {w.wsToken, []astrosim.Role{own, member}, 403},
		"TheSame":  {w.operator, []astrosim.Role{own}, 200},
		"NoTarget": {w.operator, []astrosim.Role{own, astrosim.WorkspaceRole("cnone", "WORKSPACE_MEMBER")}, 400},
	}
	for name, c := range cases {
		if got := w.TryRoles(c.by, w.ci, c.set...); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
	if len(w.Audit()) != 0 || len(w.Roles(w.ci)) != 1 {
		t.Errorf("what is tried is not done: %v, %v", w.Audit(), w.Roles(w.ci))
	}
}

// A client may send an entry's fields in another order: nothing changed then, and nobody needs a right to change it.
func TestReorderedFieldsAreNoChange(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	w.GrantRole(w.ci, astrosim.TypeDeployment, w.dep, "DEPLOYMENT_ADMIN")
	w.credential = w.Credential(w.AddWorkspaceToken(w.ws, "owner", "WORKSPACE_OWNER"))
	r := w.setRoles(w.ci,
		astrosim.RawRole(`{"role":"DEPLOYMENT_ADMIN","entityType":"DEPLOYMENT","entityId":"`+w.dep+`"}`),
		astrosim.RawRole(`{"role":"ORGANIZATION_MEMBER","entityId":"`+w.org+`","entityType":"ORGANIZATION"}`))
	audit := w.Audit()
	if r.status != http.StatusOK || audit[len(audit)-1].Changed() {
		t.Errorf("got %d, %+v", r.status, audit[len(audit)-1])
	}
}

func TestTokenLife(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	type tokenBody struct {
		ID, Name, Description, Token, ShortToken, Scope, Kind string
		EndAt                                                 *time.Time
		ExpiryPeriodInDays                                    int
		Roles                                                 []astrosim.Role
	}
	var made, read tokenBody
	body := `{"name":"new","scope":"WORKSPACE","entityId":"` + w.ws + `","role":"WORKSPACE_OWNER","tokenExpiryPeriodInDays":30}`
	w.do(http.MethodPost, "/tokens", body).decode(t, &made)
	w.get("/tokens/"+made.ID).decode(t, &read)
	if made.Token == "" || read.Token != "" || read.ShortToken == "" || read.Kind != "STANDARD" || read.ExpiryPeriodInDays != 30 || read.EndAt == nil {
		t.Errorf("made %+v, read %+v", made, read)
	}
	if r := w.send(http.MethodGet, w.path(""), "", made.Token); r.status != http.StatusOK {
		t.Errorf("the new secret: %d", r.status)
	}
	w.do(http.MethodPost, "/tokens/"+made.ID, `{"name":"renamed","description":"d"}`).decode(t, &read)
	if read.Name != "renamed" || read.Description != "d" {
		t.Errorf("updated: %+v", read)
	}
	var rotated tokenBody
	w.do(http.MethodPost, "/tokens/"+made.ID+"/rotate", "").decode(t, &rotated)
	if rotated.ID != made.ID || rotated.Token == made.Token {
		t.Error("rotation keeps the id and replaces the secret")
	}
	if r := w.send(http.MethodGet, w.path(""), "", made.Token); r.status != http.StatusUnauthorized {
		t.Errorf("the old secret after rotation: %d", r.status)
	}
	for _, want := range []int{http.StatusNoContent, http.StatusNotFound} {
		if r := w.do(http.MethodDelete, "/tokens/"+made.ID, ""); r.status != want {
			t.Errorf("delete: got %d, want %d", r.status, want)
		}
	}
}

func TestCredentialSaysWhoItIs(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	parts := strings.Split(w.Credential(w.wsToken), ".")
	if len(parts) != 3 {
		t.Fatalf("got %d parts", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		APITokenID  string   `json:"apiTokenId"`
		Permissions []string `json:"permissions"`
		Iat         int64    `json:"iat"`
		Exp         int64    `json:"exp"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	want := []string{"apiTokenId:" + w.wsToken, "organizationId:" + w.org, "workspaceId:" + w.ws}
	if claims.APITokenID != w.wsToken || !slices.Equal(claims.Permissions, want) || claims.Iat == 0 || claims.Exp != 0 {
		t.Errorf("got %+v", claims)
	}
}

func TestIDsAreCuids(t *testing.T) {
	s := astrosim.New(astrosim.Options{})
	form, lengths := regexp.MustCompile(`^c[a-z0-9]{24,25}$`), map[int]int{}
	for range 200 {
		id := s.AddOrganization("o")
		if !form.MatchString(id) {
			t.Fatalf("not a cuid: %s", id)
		}
		lengths[len(id)]++
	}
	if lengths[25] < lengths[26] || lengths[26] == 0 {
		t.Errorf("lengths: %v", lengths)
	}
}

func TestEntities(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	var organization, lookedUp map[string]any
	w.get("").decode(t, &organization)
	w.get("?isLookUpOnly=true").decode(t, &lookedUp)
	if organization["id"] != w.org || lookedUp["name"] != "Acme" || organization["billingEmail"] == nil || lookedUp["billingEmail"] != nil {
		t.Errorf("Organization: %v, looked up: %v", organization, lookedUp)
	}
	var mine struct{ Organizations []map[string]any }
	w.send(http.MethodGet, "/v1/organizations", "", w.credential).decode(t, &mine)
	if len(mine.Organizations) != 1 || mine.Organizations[0]["product"] != "HOSTED" {
		t.Errorf("Organizations: %v", mine)
	}
	var deployment map[string]any
	r := w.get("/deployments/" + w.dep)
	r.decode(t, &deployment)
	if len(deployment) < 58 || len(r.body) < 3000 || deployment["workspaceId"] != w.ws {
		t.Errorf("a Deployment has %d fields and %d bytes", len(deployment), len(r.body))
	}
	roles := w.get("/roles?includeDefaultRoles=true&scopeTypes=DEPLOYMENT").page(t)
	if len(roles.DefaultRoles) != 2 || roles.TotalCount != 2 {
		t.Errorf("roles: %+v", roles)
	}
	var role struct {
		Permissions, RestrictedWorkspaceIDs []string
	}
	w.get("/roles/"+roles.Roles[1].ID).decode(t, &role)
	if role.Permissions == nil || !slices.Equal(role.RestrictedWorkspaceIDs, []string{w.ws2}) {
		t.Errorf("role: %+v", role)
	}
	var workspace struct{ ID, OrganizationID string }
	w.get("/workspaces/"+w.ws).decode(t, &workspace)
	if workspace.ID != w.ws || workspace.OrganizationID != w.org {
		t.Errorf("Workspace: %+v", workspace)
	}
}

func TestDeploymentMovesWithinItsOrganizationOnly(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	elsewhere := w.AddWorkspace(w.AddOrganization("Other"), "elsewhere")
	w.clock.advance(time.Minute)
	w.MoveDeployment(w.dep, w.ws2)
	var moved struct {
		WorkspaceID string
		CreatedAt   time.Time
		UpdatedAt   time.Time
	}
	w.get("/deployments/"+w.dep).decode(t, &moved)
	if moved.WorkspaceID != w.ws2 || moved.UpdatedAt.Sub(moved.CreatedAt) != time.Minute {
		t.Errorf("got %+v", moved)
	}
	for query, want := range map[string]string{"?workspaceIds=" + w.ws: "", "?workspaceIds=" + w.ws2: "prod-etl models"} {
		if got := w.get("/deployments" + query).page(t).names(); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a Deployment is moved to another Organization")
		}
	}()
	w.MoveDeployment(w.dep, elsewhere)
}
