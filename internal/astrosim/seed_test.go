package astrosim_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func planted(t *testing.T) (*astrosim.Sim, astrosim.Planted) {
	t.Helper()
	data, err := os.ReadFile("testdata/seed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	seed, err := astrosim.ReadSeed(data)
	if err != nil {
		t.Fatal(err)
	}
	s := astrosim.Serve(t, astrosim.Options{})
	p, err := s.Plant(seed)
	if err != nil {
		t.Fatal(err)
	}
	return s, p
}

func TestSeed(t *testing.T) {
	s, p := planted(t)
	const org, ci = "clo0acme0000000000000000a", "clt0ci000000000000000000a"
	w := &world{Sim: s, t: t, org: org, client: http.DefaultClient, credential: s.Credential("clt0operator0000000000000")}
	if len(p.Secrets) != 1 || p.Secrets[0] != "clt0operator0000000000000" {
		t.Errorf("secrets: %v", p.Secrets)
	}
	if got := w.get("/tokens").page(t).names(); got != "operator CI deployer old platform-bot airflow-sync" {
		t.Errorf("tokens: %s", got)
	}
	want := "[ORGANIZATION/" + org + "=ORGANIZATION_MEMBER WORKSPACE/clw0sci00000000000000000a=WORKSPACE_MEMBER " +
		"DAG/train@cld0models000000000000000a=DAG_VIEWER ASSET/s3://lake=ASSET_READER]"
	if got := roleStrings(s.Roles(ci)); got != want {
		t.Errorf("got %s", got)
	}
	if raw := string(s.Roles(ci)[3].Raw); raw != `{"entityType":"ASSET","entityId":"s3://lake","role":"ASSET_READER","via":"a newer Astro"}` {
		t.Errorf("got %s", raw)
	}
	s.SetRoles(ci)
	s.Reset()
	if len(s.Roles(ci)) != 4 {
		t.Error("the seed is what Reset goes back to")
	}
}

func TestBadSeeds(t *testing.T) {
	cases := map[string]string{
		"organisations: []":       "organisations",
		"behaviour: {merge: yes}": "no switch is named",
		"faults: [{kind: odd}]":   "no fault is of the kind",
		"organizations: [{name: A, tokens: [{name: t, role: R, roles: [{workspace: w, role: R}]}]}]":                            "token t",
		"organizations: [{name: A, tokens: [{name: t, role: R, roles: [{json: '{'}]}]}]":                                        "not JSON",
		"organizations: [{name: A, customRoles: [{name: c, restrictedWorkspaces: [w]}]}]":                                       "custom role c",
		"organizations: [{name: A, workspaces: [{name: w}, {name: w}], tokens: [{name: t, role: R, roles: [{workspace: w}]}]}]": "exactly one workspace",
	}
	for text, want := range cases {
		seed, err := astrosim.ReadSeed([]byte(text))
		if err == nil {
			_, err = astrosim.New(astrosim.Options{}).Plant(seed)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
