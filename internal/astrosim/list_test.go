package astrosim_test

import (
	"net/http"
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestLists(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	w.Grant(w.ci, astrosim.WorkspaceRole(w.ws, "WORKSPACE_MEMBER"))
	w.Grant(w.ci, astrosim.DeploymentRole(w.dep, "Deploy Only"))
	w.Grant(w.ci, astrosim.DAGRole(w.dep, "daily", "DAG_VIEWER"))
	w.Grant(w.wsToken, astrosim.DAGTagRole(w.dep, "pii", "DAG_VIEWER"))
	direct := w.AddOrganizationToken(w.org, "direct", "ORGANIZATION_MEMBER", astrosim.Kind("DIRECT_ACCESS"))
	_ = direct

	cases := map[string]struct {
		path  string
		names string
		total int
	}{
		"all tokens, oldest first":     {"/tokens", "operator ci ws-ci dep-ci direct", 5},
		"first page":                   {"/tokens?limit=2", "operator ci", 5},
		"second page":                  {"/tokens?limit=2&offset=2", "ws-ci dep-ci", 5},
		"last page":                    {"/tokens?limit=2&offset=4", "direct", 5},
		"past the end":                 {"/tokens?limit=2&offset=9", "", 5},
		"limit 0 is as if left out":    {"/tokens?limit=0", "operator ci ws-ci dep-ci direct", 5},
		"by name":                      {"/tokens?sorts=name:asc", "ci dep-ci direct operator ws-ci", 5},
		"by name, backwards":           {"/tokens?sorts=name:desc", "ws-ci operator direct dep-ci ci", 5},
		"newest first":                 {"/tokens?sorts=createdAt:desc&sorts=name:desc&limit=1", "", 5},
		"of a Workspace":               {"/tokens?workspaceId=" + w.ws, "ci ws-ci", 2},
		"of a Deployment":              {"/tokens?deploymentId=" + w.dep, "ci dep-ci", 2},
		"of a DAG":                     {"/tokens?dagId=daily", "ci", 1},
		"of DAG tags":                  {"/tokens?dagTags=x&dagTags=pii", "ws-ci", 1},
		"Organization tokens":          {"/tokens?includeOnlyOrganizationTokens=true", "operator ci direct", 3},
		"of a kind":                    {"/tokens?kind=DIRECT_ACCESS", "direct", 1},
		"two filters":                  {"/tokens?workspaceId=" + w.ws + "&includeOnlyOrganizationTokens=true", "ci", 1},
		"Workspaces":                   {"/workspaces", "data Data Science", 2},
		"Workspaces by id":             {"/workspaces?workspaceIds=" + w.ws2, "Data Science", 1},
		"Workspaces by names":          {"/workspaces?names=data&names=nobody", "data", 1},
		"Workspaces by part of a name": {"/workspaces?names=dat", "", 0},
		"Deployments":                  {"/deployments", "prod-etl models", 2},
		"Deployments by id":            {"/deployments?deploymentIds=" + w.dep, "prod-etl", 1},
		"Deployments of a Workspace":   {"/deployments?workspaceIds=" + w.ws2, "models", 1},
		"Deployments by name":          {"/deployments?names=models", "models", 1},
		"Deployments, name and place":  {"/deployments?names=models&workspaceIds=" + w.ws, "", 0},
		"custom roles":                 {"/roles", "Deploy Only Restricted", 2},
		"custom roles of a scope":      {"/roles?scopeTypes=DAG", "", 0},
		"custom roles, sorted":         {"/roles?sorts=scopeType:asc&sorts=name:desc", "Restricted Deploy Only", 2},
	}
	for query, want := range map[string]int{
		"": 1, "?productPlan=TRIAL": 0, "?productPlan=ODD": 400, "?product=HOSTED": 1, "?product=HYBRID": 0, "?product=ODD": 400,
		"?astronomerProduct=ASTRO": 1, "?astronomerProduct=ODD": 400,
	} {
		r := w.send(http.MethodGet, "/v1/organizations"+query, "", w.credential)
		got := r.status
		if got == http.StatusOK {
			got = r.page(t).TotalCount
		}
		if got != want {
			t.Errorf("Organizations%s: got %d, want %d", query, got, want)
		}
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := w.get(tc.path).page(t)
			if tc.names != "" && got.names() != tc.names || got.TotalCount != tc.total {
				t.Errorf("got %q of %d, want %q of %d", got.names(), got.TotalCount, tc.names, tc.total)
			}
		})
	}
}
