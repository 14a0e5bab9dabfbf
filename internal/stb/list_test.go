package stb

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// declared is a world in which one role is declared, one is looked at, and the others are nobody's.
func declared(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.declare(builders.Binding("ci-on-etl").ForTokenID(ciID).OnDeployment(etlID).WithRole("Deploy Only").Object(), ciID, etlID)
	w.declare(builders.Binding("metrics-on-etl").ForWorkspaceTokenID(metricsID).OnDeployment(etlID).Observe().Object(), metricsID, etlID)
	return w
}

func TestList(t *testing.T) {
	w := declared(t)
	w.prints("list.txt", "list")
	w.prints("list-wide.txt", "list", "-o", "wide", "--target", "deployment/prod-etl")
	w.prints("list-undeclared.txt", "list", "--undeclared")
	w.prints("list.json", "list", "-o", "json", "--token", "CI deployer", "--workspace", "science")
	w.prints("list.yaml", "list", "-o", "yaml", "--token", ciID, "--target", "Workspace/"+dataID)
	w.fails(`no token in Astro has the id or name "nobody"`, "list", "--token", "nobody")
	w.fails(`no Deployment in Astro has the id or name "data"`, "list", "--target", "deployment/data")
	w.fails(`no Workspace in Astro has the id or name "prod-etl"`, "list", "--workspace", "prod-etl")
	w.fails(`--target is "prod-etl"`, "list", "--target", "prod-etl")
	w.fails(`--output is "xml"`, "list", "-o", "xml")
}

func TestRoles(t *testing.T) {
	w := declared(t)
	w.prints("roles.txt", "roles", "CI deployer")
	w.prints("roles.json", "roles", metricsID, "-o", "json")
	w.fails(`no token in Astro has the id or name "nobody"`, "roles", "nobody")
	w.sim.AddOrganizationToken(orgID, "CI deployer", "ORGANIZATION_MEMBER", astrosim.ID("cltk00000000000000another"))
	w.fails(`2 tokens have the name "CI deployer"; give an id: `+ciID+`, cltk00000000000000another`, "roles", "CI deployer")
}

// Of a token that Astro lists without its roles, nobody says that it holds none.
func TestRolesThatAreNotListed(t *testing.T) {
	w := declared(t)
	w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultOmitRoles, IDs: []string{ciID}})
	a := w.run("roles", "CI deployer")
	if a.code != 0 || strings.Contains(a.err, "holds no role") ||
		!strings.Contains(a.err, "Which roles the token holds is not known: Astro lists it without them.") {
		t.Errorf("want that its roles are not known: %+v", a)
	}
}

// What users may write declares nothing: a binding that was refused, and one that nobody has looked at.
func TestOnlyTheOperatorsWordDeclares(t *testing.T) {
	w := newWorld(t)
	w.create(builders.Binding("unseen").In(w.namespace).ForTokenID(ciID).OnDeployment(etlID).WithRole("Deploy Only").Object())
	if a := w.run("list", "--target", "deployment/prod-etl"); strings.Contains(a.out, "unseen") || a.code != 0 {
		t.Errorf("an unseen binding declares a role:\n%s%s", a.out, a.err)
	}
}

// What is in Astro's names cannot change what a terminal shows of the rest.
func TestOddNamesOnATerminal(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"two\nlines", "\x1b[31mred", "right\u202eleft", " space ", "zero\u200bwidth", strings.Repeat("x", 300), "сі"} {
		w.sim.AddOrganizationToken(orgID, name, "ORGANIZATION_MEMBER", astrosim.Roles(astrosim.DeploymentRole(reportsID, "DEPLOYMENT_ADMIN")))
	}
	a := w.run("list", "--target", "deployment/reports")
	for _, want := range []string{`"two\nlines"`, `"\x1b[31mred"`, `"right\u202eleft"`, `" space "`, `"zero\u200bwidth"`, strings.Repeat("x", 300), "сі"} {
		if !strings.Contains(a.out, want) {
			t.Errorf("want %s in\n%s", want, a.out)
		}
	}
	if lines := strings.Count(a.out, "\n"); lines != 8 {
		t.Errorf("want a header and 7 rows, got %d lines:\n%s", lines, a.out)
	}
	var list struct {
		Items []Grant `json:"items"`
	}
	if err := json.Unmarshal([]byte(w.run("list", "-o", "json", "--token", "two\nlines").out), &list); err != nil || len(list.Items) != 1 {
		t.Errorf("JSON has the name as it is: %v, %v", list, err)
	}
}
