package astrosim_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// TestBetaBases asks for everything that clients of v1beta1 ask for, in the half in which it is.
func TestBetaBases(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	const iam, platform = "/iam/v1beta1/organizations/", "/platform/v1beta1/organizations/"
	set := `{"roles":[` + string(w.orgRole().Raw) + `]}`
	cases := map[string]struct {
		method, path, body string
		status             int
		contains           string
	}{
		"tokens":              {"GET", iam + w.org + "/tokens?limit=1", "", 200, `"type":"ORGANIZATION"`},
		"a token":             {"GET", iam + w.org + "/tokens/" + w.wsToken, "", 200, `"type":"WORKSPACE"`},
		"a token's roles":     {"POST", iam + w.org + "/tokens/" + w.ci + "/roles", set, 200, `"organizationRole":"ORGANIZATION_MEMBER"`},
		"a new name":          {"POST", iam + w.org + "/tokens/" + w.ci, `{"name":"ci"}`, 200, `"type":"ORGANIZATION"`},
		"another secret":      {"POST", iam + w.org + "/tokens/" + w.wsToken + "/rotate", "", 200, `"token":"ey`},
		"a new token":         {"POST", iam + w.org + "/tokens", `{"name":"n","type":"ORGANIZATION","role":"ORGANIZATION_MEMBER"}`, 200, `"type":"ORGANIZATION"`},
		"one by scope":        {"POST", iam + w.org + "/tokens", `{"name":"n","scope":"ORGANIZATION","role":"ORGANIZATION_MEMBER"}`, 400, `"field":"type"`},
		"one by type in v1":   {"POST", "/v1/organizations/" + w.org + "/tokens", `{"name":"n","type":"ORGANIZATION","role":"ORGANIZATION_MEMBER"}`, 400, `"field":"scope"`},
		"roles":               {"GET", iam + w.org + "/roles", "", 200, "Deploy Only"},
		"Organizations":       {"GET", "/platform/v1beta1/organizations", "", 200, `"supportPlan"`},
		"an Organization":     {"GET", platform + w.org, "", 200, `"supportPlan"`},
		"Workspaces":          {"GET", platform + w.org + "/workspaces", "", 200, "Data Science"},
		"a Workspace":         {"GET", platform + w.org + "/workspaces/" + w.ws, "", 200, `"name":"data"`},
		"Deployments":         {"GET", platform + w.org + "/deployments", "", 200, "prod-etl"},
		"a Deployment":        {"GET", platform + w.org + "/deployments/" + w.dep, "", 200, `"clusterId":"` + w.org},
		"clusters":            {"GET", platform + w.org + "/clusters", "", 200, `"totalCount":1`},
		"a cluster":           {"GET", platform + w.org + "/clusters/" + w.org, "", 200, `"name":"primary"`},
		"a cluster in v1":     {"GET", "/v1/organizations/" + w.org + "/clusters/" + w.org, "", 200, `"status":"CREATED"`},
		"no such cluster":     {"GET", platform + w.org + "/clusters/cnothing", "", 404, "cluster"},
		"clusters of a cloud": {"GET", platform + w.org + "/clusters?provider=GCP", "", 200, `"totalCount":0`},
		"of an odd cloud":     {"GET", platform + w.org + "/clusters?provider=ODD", "", 400, `"field":"provider"`},
		"the other half":      {"GET", platform + w.org + "/tokens", "", 404, "no such route"},
		"the first half":      {"GET", iam + w.org + "/workspaces", "", 404, "no such route"},
		"no method of iam":    {"PUT", iam + w.org + "/tokens", "", 405, "not allowed"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := w.send(tc.method, tc.path, tc.body, w.credential)
			if r.status != tc.status || !strings.Contains(string(r.body), tc.contains) {
				t.Errorf("got %d %s, want %d and %q", r.status, r.body, tc.status, tc.contains)
			}
			if r.status == http.StatusOK && strings.Contains(string(r.body), `"scope":`) {
				t.Errorf("v1beta1 has no scope: %s", r.body)
			}
		})
	}
	if got := string(w.get("/tokens/" + w.ci).body); !strings.Contains(got, `"scope":"ORGANIZATION"`) || strings.Contains(got, `"type"`) {
		t.Errorf("v1: %s", got)
	}
}
