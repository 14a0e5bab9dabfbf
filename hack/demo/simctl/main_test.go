package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestHolds(t *testing.T) {
	sim := astrosim.Serve(t, astrosim.Options{})
	org := sim.AddOrganization("Acme")
	data, science := sim.AddWorkspace(org, "Data Platform"), sim.AddWorkspace(org, "Data Science")
	etl := sim.AddDeployment(data, "prod-etl")
	ci := sim.AddOrganizationToken(org, "CI deployer", "ORGANIZATION_MEMBER",
		astrosim.Roles(astrosim.WorkspaceRole(data, "WORKSPACE_MEMBER"), astrosim.WorkspaceRole(science, "WORKSPACE_MEMBER")))
	file := filepath.Join(t.TempDir(), "state")
	ask := func(args ...string) string {
		t.Helper()
		var out strings.Builder
		if err := run(t.Context(), simulator(sim.URL()), args, &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	lines := func(text string) []string {
		var all []string
		for line := range strings.Lines(text) {
			all = append(all, strings.Join(strings.Fields(line), " "))
		}
		return all
	}

	want := []string{
		"TOKEN MADE IN ON NAME ROLE",
		"CI deployer Organization Organization Acme ORGANIZATION_MEMBER",
		"CI deployer Organization Workspace Data Platform WORKSPACE_MEMBER",
		"CI deployer Organization Workspace Data Science WORKSPACE_MEMBER",
	}
	if diff := cmp.Diff(want, lines(ask("holds", file))); diff != "" {
		t.Errorf("at first nothing has changed: -want +got\n%s", diff)
	}

	sim.RevokeRole(ci, astrosim.TypeWorkspace, science)
	sim.GrantRole(ci, astrosim.TypeWorkspace, data, "WORKSPACE_OWNER")
	ask("POST", "tokens/CI deployer/grant", "deployment=prod-etl", "role=DEPLOYMENT_ADMIN")
	want = []string{
		"TOKEN MADE IN ON NAME ROLE",
		"CI deployer Organization Organization Acme ORGANIZATION_MEMBER",
		"~ CI deployer Organization Workspace Data Platform WORKSPACE_OWNER (was WORKSPACE_MEMBER)",
		"+ CI deployer Organization Deployment prod-etl DEPLOYMENT_ADMIN",
		"- CI deployer Organization Workspace Data Science none (was WORKSPACE_MEMBER)",
	}
	if diff := cmp.Diff(want, lines(ask("holds", file))); diff != "" {
		t.Errorf("a change has a mark: -want +got\n%s", diff)
	}
	if again := ask("holds", file); strings.ContainsAny(again, "~+-") && strings.Contains(again, "was") {
		t.Errorf("a change is shown once:\n%s", again)
	}

	if got := ask("role", "CI deployer", "prod-etl"); got != sim.RoleOn(ci, astrosim.TypeDeployment, etl)+"\n" {
		t.Errorf("role: got %q", got)
	}
	if got := ask("role", "CI deployer", "Data Science"); got != "" {
		t.Errorf("no role: got %q", got)
	}
}

func TestRefusals(t *testing.T) {
	sim := astrosim.Serve(t, astrosim.Options{})
	for name, args := range map[string][]string{
		"nothing asked": {}, "no such command": {"look"}, "no such token": {"POST", "tokens/nobody/revoke", "deployment=x"},
	} {
		if err := run(t.Context(), simulator(sim.URL()), args, &strings.Builder{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
