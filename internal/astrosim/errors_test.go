package astrosim_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestErrors(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	roles := "/tokens/" + w.ci + "/roles"
	entry := func(entityType, id, role string) string {
		return fmt.Sprintf(`{"entityType":%q,"entityId":%q,"role":%q}`, entityType, id, role)
	}
	own := entry("ORGANIZATION", w.org, "ORGANIZATION_MEMBER")
	cases := map[string]struct {
		method, path, body string
		status             int
		fields             string
	}{
		"empty role set":            {"POST", roles, `{"roles":[]}`, 400, "roles"},
		"no role set":               {"POST", roles, `{}`, 400, "roles"},
		"not JSON":                  {"POST", roles, `{"roles":`, 400, ""},
		"roles of a wrong type":     {"POST", roles, `{"roles":[7]}`, 400, ""},
		"unknown entity type":       {"POST", roles, `{"roles":[` + own + `,` + entry("CLUSTER", "x", "y") + `]}`, 400, "roles[1].entityType"},
		"nothing in an entry":       {"POST", roles, `{"roles":[{}]}`, 400, "roles[0].entityType roles[0].entityId roles[0].role"},
		"DAG without Deployment":    {"POST", roles, `{"roles":[` + own + `,` + entry("DAG", "daily", "DAG_VIEWER") + `]}`, 400, "roles[1].deploymentId"},
		"unknown role":              {"POST", roles, `{"roles":[` + own + `,` + entry("WORKSPACE", w.ws, "WORKSPACE_KING") + `]}`, 400, "roles[1].role"},
		"role of another level":     {"POST", roles, `{"roles":[` + own + `,` + entry("WORKSPACE", w.ws, "DEPLOYMENT_ADMIN") + `]}`, 400, "roles[1].role"},
		"restricted custom role":    {"POST", roles, `{"roles":[` + own + `,` + entry("DEPLOYMENT", w.dep, "Restricted") + `]}`, 400, "roles[1].role"},
		"restricted, in its place":  {"POST", roles, `{"roles":[` + own + `,` + entry("DEPLOYMENT", w.dep2, "Restricted") + `]}`, 200, ""},
		"another Organization":      {"POST", roles, `{"roles":[` + entry("ORGANIZATION", "cother", "ORGANIZATION_MEMBER") + `]}`, 400, "roles[0].entityId"},
		"no such token":             {"GET", "/tokens/cnothing", "", 404, ""},
		"roles of no such token":    {"POST", "/tokens/cnothing/roles", `{"roles":[` + own + `]}`, 404, ""},
		"no such Workspace":         {"GET", "/workspaces/cnothing", "", 404, ""},
		"no such Deployment":        {"GET", "/deployments/cnothing", "", 404, ""},
		"no such role":              {"GET", "/roles/cnothing", "", 404, ""},
		"no such route":             {"GET", "/tokens/" + w.ci + "/secrets", "", 404, ""},
		"no such method":            {"PATCH", "/tokens/" + w.ci, "", 405, ""},
		"limit too large":           {"GET", "/tokens?limit=1001", "", 400, "limit"},
		"limit not a number":        {"GET", "/workspaces?limit=x", "", 400, "limit"},
		"negative limit and offset": {"GET", "/roles?limit=-1&offset=-1", "", 400, "limit offset"},
		"Deployments have no limit": {"GET", "/deployments?limit=5000", "", 200, ""},
		"unknown sort":              {"GET", "/workspaces?sorts=description:asc", "", 400, "sorts"},
		"sort without direction":    {"GET", "/tokens?sorts=name", "", 400, "sorts"},
		"unknown kind":              {"GET", "/tokens?kind=ODD", "", 400, "kind"},
		"not a boolean":             {"GET", "/tokens?includeOnlyOrganizationTokens=maybe", "", 400, "includeOnlyOrganizationTokens"},
		"unknown scope of roles":    {"GET", "/roles?scopeTypes=PLANET", "", 400, "scopeTypes"},
		"create without anything":   {"POST", "/tokens", `{}`, 400, "name role scope"},
		"create with odd values":    {"POST", "/tokens", `{"name":"n","role":"x","scope":"ORGANIZATION","kind":"ODD","tokenExpiryPeriodInDays":3651}`, 400, "kind tokenExpiryPeriodInDays role"},
		"create on nothing":         {"POST", "/tokens", `{"name":"n","role":"WORKSPACE_MEMBER","scope":"WORKSPACE","entityId":"cnothing"}`, 400, "entityId"},
		"rename to nothing":         {"POST", "/tokens/" + w.ci, `{"name":" "}`, 400, "name"},
		"as long as may be":         {"POST", "/tokens/" + w.ci, `{"name":"` + strings.Repeat("ü", 256) + `","description":"` + strings.Repeat("ü", 500) + `"}`, 200, ""},
		"too long by a character":   {"POST", "/tokens/" + w.ci, `{"name":"` + strings.Repeat("ü", 257) + `"}`, 400, "name"},
		"too long":                  {"POST", "/tokens/" + w.ci, `{"name":"` + strings.Repeat("n", 257) + `","description":"` + strings.Repeat("d", 501) + `"}`, 400, "name description"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := w.do(tc.method, tc.path, tc.body)
			if r.status != tc.status {
				t.Fatalf("got %d %s, want %d", r.status, r.body, tc.status)
			}
			if tc.status == http.StatusOK {
				return
			}
			var e struct {
				Message     string                                  `json:"message"`
				RequestID   string                                  `json:"requestId"`
				StatusCode  int                                     `json:"statusCode"`
				FieldErrors []struct{ Field, Code, Message string } `json:"fieldErrors"`
			}
			r.read(t, &e)
			var fields []string
			for _, f := range e.FieldErrors {
				fields = append(fields, f.Field)
			}
			slices.Sort(fields)
			want := strings.Fields(tc.fields)
			slices.Sort(want)
			if e.Message == "" || e.RequestID == "" || e.StatusCode != tc.status || !slices.Equal(fields, want) {
				t.Errorf("got %+v, want fields %q", e, tc.fields)
			}
		})
	}
}

func TestMethodNotAllowedNamesThoseThatAre(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	for path, want := range map[string]string{"/tokens": "GET, POST", "/tokens/" + w.ci: "DELETE, GET, POST", "/workspaces": "GET"} {
		if r := w.do(http.MethodPut, path, ""); r.status != http.StatusMethodNotAllowed || r.header.Get("Allow") != want {
			t.Errorf("%s: got %d and %q, want 405 and %q", path, r.status, r.header.Get("Allow"), want)
		}
	}
}

func TestBodiesAreJSON(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	for path, body := range map[string]string{
		"/tokens":                    `{"name":"n","role":"ORGANIZATION_MEMBER","scope":"ORGANIZATION"}`,
		"/tokens/" + w.ci:            `{"name":"n"}`,
		"/tokens/" + w.ci + "/roles": `{"roles":[` + string(w.orgRole().Raw) + `]}`,
	} {
		for contentType, want := range map[string]int{
			"": 400, "text/plain": 400, "text/plain; charset=utf-8": 400, "application/x-www-form-urlencoded": 400, "/": 400,
			"application/json": 200, "application/json; charset=utf-8": 200, "Application/JSON": 200,
		} {
			w.contentType = contentType
			if r := w.do(http.MethodPost, path, body); r.status != want {
				t.Errorf("%s as %q: got %d %s, want %d", path, contentType, r.status, r.body, want)
			}
		}
	}
	w.contentType = ""
	if r := w.do(http.MethodPost, "/tokens/"+w.ci+"/rotate", ""); r.status != http.StatusOK {
		t.Errorf("rotate, which has no body: got %d %s", r.status, r.body)
	}
}

func TestUnauthorized(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	for name, credential := range map[string]string{"no credential": "", "a made-up one": "a.b.c"} {
		if r := w.send(http.MethodGet, w.path("/tokens"), "", credential); r.status != http.StatusUnauthorized {
			t.Errorf("%s: got %d", name, r.status)
		}
	}
	w.RevokeCredential(w.operator)
	if r := w.get("/tokens"); r.status != http.StatusUnauthorized {
		t.Errorf("revoked: got %d", r.status)
	}
	w.RestoreCredential(w.operator)
	if r := w.get("/tokens"); r.status != http.StatusOK {
		t.Errorf("restored: got %d", r.status)
	}
}
