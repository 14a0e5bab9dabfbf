package astrosim_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestAdministration(t *testing.T) {
	s, _ := planted(t)
	elsewhere := s.AddWorkspace(s.AddOrganization("Other"), "Elsewhere")
	w := &world{Sim: s, t: t, org: "clo0acme0000000000000000a", client: http.DefaultClient, credential: s.Credential("clt0operator0000000000000")}
	ci := "/_sim/tokens/CI%20deployer"
	steps := []struct {
		method, path, args string
		status             int
		contains           string
	}{
		{"GET", "/_sim", "", 200, "GET /_sim/state"},
		{"GET", "/_sim/state", "format=table", 200, "Deployment    prod-etl        Data Platform"},
		{"GET", "/_sim/state", "", 200, `"customRoles"`},
		{"GET", "/_sim/tokens", "format=table", 200, "ASSET_READER"},
		{"POST", ci + "/grant", "workspace=Data+Platform&role=WORKSPACE_OWNER", 204, ""},
		{"GET", ci + "/roles", "format=table", 200, "WORKSPACE     Data Platform  WORKSPACE_OWNER"},
		{"POST", ci + "/grant", "deployment=prod-etl&role=DEPLOYMENT_ADMIN", 204, ""},
		{"GET", ci + "/roles", "", 200, `"role": "DEPLOYMENT_ADMIN"`},
		{"POST", ci + "/revoke", "deployment=cld0prod0000000000000000a", 204, ""},
		{"POST", ci + "/revoke", "entityType=ASSET&entityId=s3://lake", 204, ""},
		{"POST", ci + "/grant", `json={"entityType":"X","entityId":"y","role":"z"}`, 204, ""},
		{"GET", "/_sim/audit", "format=table&token=CI+deployer", 200, "(out of band)"},
		{"POST", ci + "/grant", "workspace=Data+Platform", 400, "role= is missing"},
		{"POST", ci + "/grant", "role=R", 400, "workspace=, deployment="},
		{"POST", ci + "/grant", "workspace=None&role=R", 404, `no workspace is named "None"`},
		{"GET", "/_sim/tokens/nobody/roles", "", 404, `no token is named "nobody"`},
		{"GET", "/_sim/tokens/operator/credential", "", 200, "eyJ"},
		{"POST", "/_sim/tokens/operator/downgrade", "role=ORGANIZATION_MEMBER", 204, ""},
		{"GET", "/_sim/tokens/operator/roles", "format=table", 200, "ORGANIZATION_MEMBER"},
		{"POST", "/_sim/tokens/operator/revoke-credential", "", 204, ""},
		{"GET", "/v1/organizations", "", 401, "revoked"},
		{"POST", "/_sim/tokens/operator/restore-credential", "", 204, ""},
		{"GET", "/v1/organizations", "", 200, "Acme"},
		{"POST", "/_sim/tokens/old/rotate", "", 200, "eyJ"},
		{"POST", "/_sim/tokens/old/rename", "to=older", 204, ""},
		{"DELETE", "/_sim/tokens/older", "", 204, ""},
		{"POST", "/_sim/deployments/models/rename", "to=ml", 204, ""},
		{"DELETE", "/_sim/deployments/ml", "", 204, ""},
		{"POST", "/_sim/tokens/operator/grant", `json={"entityType":"ORGANIZATION","entityId":"clo0acme0000000000000000a","role":"ORGANIZATION_OWNER"}`, 204, ""},
		{"POST", "/_sim/deployments", "name=models&workspace=Data+Science&id=cld0again00000000000000a0", 200, "cld0again00000000000000a0"},
		{"POST", "/_sim/deployments", "name=more&workspace=Data+Science&id=cld0again00000000000000a0", 400, "is taken"},
		{"POST", "/_sim/deployments", "name=more", 400, "workspace= is missing"},
		{"POST", "/_sim/deployments", "name=more&workspace=None", 404, `no workspace is named "None"`},
		{"POST", "/_sim/deployments/models/move", "to=Data+Platform", 204, ""},
		{"GET", "/v1/organizations/clo0acme0000000000000000a/deployments/cld0again00000000000000a0", "", 200, `"workspaceName":"Data Platform"`},
		{"GET", "/_sim/state", "format=table", 200, "Deployment    models          Data Platform"},
		{"POST", "/_sim/deployments/models/move", "", 400, "to= is missing"},
		{"POST", "/_sim/deployments/models/move", "to=None", 404, `no workspace is named "None"`},
		{"POST", "/_sim/deployments/none/move", "to=Data+Science", 404, `no deployment is named "none"`},
		{"POST", "/_sim/deployments/models/move", "to=" + elsewhere, 400, "is in another Organization"},
		{"POST", "/_sim/workspaces/Data%20Science/rename", "to=DS", 204, ""},
		{"DELETE", "/_sim/workspaces/DS", "", 204, ""},
		{"POST", "/_sim/workspaces", "name=DS", 400, "organization= is missing"},
		{"POST", "/_sim/workspaces", "name=DS&organization=None", 404, `no organization is named "None"`},
		{"POST", "/_sim/workspaces", "name=DS&organization=Acme&id=" + elsewhere, 400, "is taken"},
		{"POST", "/_sim/workspaces", "name=DS&organization=Acme&id=clw0again00000000000000a0", 200, "clw0again00000000000000a0"},
		{"GET", "/v1/organizations/clo0acme0000000000000000a/workspaces/clw0again00000000000000a0", "", 200, `"name":"DS"`},
		{"GET", "/_sim/state", "format=table", 200, "Data Platform"},
		{"POST", "/_sim/faults", "kind=server-error&status=503&times=1&endpoint=organizations.list", 204, ""},
		{"GET", "/_sim/faults", "", 200, `"status": 503`},
		{"GET", "/v1/organizations", "", 503, "Internal"},
		{"POST", "/_sim/faults", "kind=odd", 400, "no fault is of the kind"},
		{"POST", "/_sim/faults", "kind=hide&ids=a&ids=b&keepTotal=true&delay=1s", 204, ""},
		{"DELETE", "/_sim/faults", "", 204, ""},
		{"GET", "/_sim/counts", "format=table", 200, "organizations.list  503     1"},
		{"POST", "/_sim/counts/reset", "", 204, ""},
		{"POST", "/_sim/audit/reset", "", 204, ""},
		{"POST", "/_sim/behaviour", "duplicates=Merge", 200, `"Merge"`},
		{"GET", "/_sim/behaviour", "format=table", 200, "duplicates"},
		{"POST", "/_sim/behaviour", "duplicates=Never", 400, "takes Reject, Merge"},
		{"POST", "/_sim/latency", "to=1ms", 204, ""},
		{"POST", "/_sim/latency", "to=soon", 400, "invalid duration"},
		{"POST", "/_sim/limits", "to=true", 204, ""},
		{"POST", "/_sim/limits", "to=perhaps", 400, "true or false"},
		{"POST", "/_sim/reset", "", 204, ""},
		{"GET", "/_sim/state", "format=table", 200, "Data Science"},
	}
	for _, step := range steps {
		args, err := url.ParseQuery(step.args)
		if err != nil {
			t.Fatal(err)
		}
		r := w.send(step.method, step.path+"?"+args.Encode(), "", w.credential)
		if r.status != step.status || !strings.Contains(string(r.body), step.contains) {
			t.Errorf("%s %s %s: got %d %s", step.method, step.path, step.args, r.status, r.body)
		}
	}
	if r := w.send(http.MethodPost, "/_sim/faults", `{"kind":"slow","delay":"1s"}`, ""); r.status != http.StatusNoContent {
		t.Errorf("a fault as JSON: %d %s", r.status, r.body)
	}
}
