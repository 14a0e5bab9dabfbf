package stb

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestMatrix(t *testing.T) {
	w := declared(t)
	w.prints("matrix.txt", "matrix")
	w.prints("matrix-science.txt", "matrix", "--workspace", "science")
	w.prints("matrix.html", "matrix", "--html", "-")
	keepPage(t, "matrix.html", w.run("matrix", "--html", "-").out)
	w.fails(`no Workspace in Astro has the id or name "nil"`, "matrix", "--workspace", "nil")
}

func TestMatrixOfTwoRolesInOnePlace(t *testing.T) {
	of := func(role, by string) Grant {
		return Grant{Token: "ci", TokenID: "t1", Target: "etl", TargetID: "d1", TargetKind: "Deployment", Role: role, DeclaredBy: by}
	}
	rows := crossed([]Grant{of("DEPLOYMENT_ADMIN", ""), of("Deploy Only", "team/ci")}, time.Now())
	if want := []string{"ci", "DEPLOYMENT_ADMIN *, Deploy Only"}; !slices.Equal(rows[1], want) {
		t.Errorf("the row is %q, want %q", rows[1], want)
	}
}

// keepPage leaves a page where STB_PAGES says, for the browser of test/browser.
func keepPage(t *testing.T, name, page string) {
	t.Helper()
	folder := os.Getenv("STB_PAGES")
	if folder == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(folder, name), []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Whatever stands in Astro's names, the page says it as text, and loads nothing.
func TestPageHoldsNothingButText(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{`<script>alert(1)</script>`, `" onmouseover="alert(1)`, `</style><img src=x onerror=alert(1)>`, "javascript:alert(1)", "{{.}}", "right\u202eleft"} {
		w.sim.AddOrganizationToken(orgID, name, "ORGANIZATION_MEMBER", astrosim.Description(name),
			astrosim.Roles(astrosim.DeploymentRole(reportsID, "DEPLOYMENT_ADMIN")))
	}
	plain := w.run("matrix", "--html", "-", "--workspace", "science").out
	odd := w.run("matrix", "--html", "-", "--target", "deployment/reports").out
	keepPage(t, "odd.html", odd)
	tags := regexp.MustCompile(`<(script|style|img|link|iframe|object|svg)\b|\son[a-z]+=|\b(src|href)=`)
	if want, got := tags.FindAllString(plain, -1), tags.FindAllString(stripAttributes(odd), -1); len(got) != len(want) {
		t.Errorf("the names make tags or attributes: %q", got)
	}
	if strings.Contains(odd, "\u202e") || !strings.Contains(odd, "&lt;script&gt;alert(1)&lt;/script&gt;") {
		t.Error("names are not shown as text")
	}
}

// stripAttributes takes the quoted values of attributes and the text between tags out, in which anything may stand.
func stripAttributes(page string) string {
	page = regexp.MustCompile(`="[^"]*"`).ReplaceAllString(page, "=''")
	return regexp.MustCompile(`>[^<]*<`).ReplaceAllString(page, "><")
}

// The page of an Organization of 10,000 roles is a few megabytes.
func TestPageOfTenThousand(t *testing.T) {
	var all []Grant
	for i := range 10_000 {
		all = append(all, Grant{
			TokenID: fmt.Sprintf("cltk%021d", i/20), Token: fmt.Sprintf("token %d", i/20), Scope: "Organization", TargetKind: "Deployment",
			TargetID: fmt.Sprintf("clde%021d", i%500), Target: fmt.Sprintf("flow %d", i%500), Workspace: fmt.Sprintf("ws %d", i%40), Role: "DEPLOYMENT_ADMIN",
		})
	}
	var text bytes.Buffer
	if err := writePage(&text, "acme", all, today); err != nil {
		t.Fatal(err)
	}
	keepPage(t, "tenthousand.html", text.String())
	if text.Len() > 6<<20 {
		t.Errorf("made %d bytes", text.Len())
	}
	if p := newPage("acme", all, today); len(p.Tokens) != 500 || p.Roles != 10_000 || p.Undeclared != 10_000 || len(p.Workspaces) != 40 {
		t.Errorf("%d tokens, %d roles, %d undeclared, %d Workspaces", len(p.Tokens), p.Roles, p.Undeclared, len(p.Workspaces))
	}
}

// The page counts what is to come, not what has expired, and its filter has no entry for a Workspace that is not known.
func TestPageCounts(t *testing.T) {
	expires := func(token, workspace string, days int) Grant {
		at := today.AddDate(0, 0, days)
		return Grant{TokenID: token, Token: token, TargetKind: "Deployment", TargetID: "d", Workspace: workspace, Role: "R", ExpiresAt: &at}
	}
	all := []Grant{expires("past", "", -1), expires("soon", "two  words", 1), expires("late", "b", 60)}
	p := newPage("acme", all, today)
	if p.Expiring != 1 || !p.Tokens[0].Expired || !slices.Equal(p.Workspaces, []string{"b", "two  words"}) {
		t.Errorf("%d tokens expire soon, Workspaces %q", p.Expiring, p.Workspaces)
	}
	var text bytes.Buffer
	if err := writePage(&text, "acme", all, today); err != nil {
		t.Fatal(err)
	}
	if page := text.String(); !strings.Contains(page, `<option value="two  words">`) || strings.Count(page, `value=""`) != 1 {
		t.Errorf("the filter by Workspace has not the names as they are:\n%s", page)
	}
}

// Tokens and Workspaces of one name have their ids behind it, and the others have not.
func TestMatrixOfNamesakes(t *testing.T) {
	w := newWorld(t)
	const science2, ci2 = "clws0000000000000000other", "cltk000000000000000other1"
	w.sim.AddWorkspace(orgID, "science", astrosim.ID(science2))
	w.sim.AddOrganizationToken(orgID, "CI deployer", "ORGANIZATION_MEMBER", astrosim.ID(ci2), astrosim.Roles(
		astrosim.WorkspaceRole(science2, "WORKSPACE_MEMBER"), astrosim.DeploymentRole(modelsID, "DEPLOYMENT_ADMIN")))
	a := w.run("matrix")
	for _, want := range []string{
		"Workspace data\n", "Workspace science (" + scienceID + ")\n", "Workspace science (" + science2 + ")\n",
		"\nCI deployer (" + ciID + ") ! ", "\nCI deployer (" + ci2 + ") ", "\nairflow-metrics ",
	} {
		if !strings.Contains(a.out, want) {
			t.Errorf("%q is missing:\n%s%s", want, a.out, a.err)
		}
	}
	page := w.run("matrix", "--html", "-").out
	for _, want := range []string{
		`<option value="data">`, `<option value="science (` + scienceID + `)">`, `<option value="science (` + science2 + `)">`,
		"<span>Workspace science (" + science2 + ")</span>", "<span>Deployment models in science (" + scienceID + ")</span>",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing:\n%s", want, page)
		}
	}
}
