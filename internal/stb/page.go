package stb

import (
	_ "embed" // the page
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

//go:embed page.html
var pageText string

// pageTemplate escapes all that it is given, by where it stands.
var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page is what the page shows.
type page struct {
	Title      string
	At         string
	Tokens     []pageToken
	Workspaces []string
	Roles      int
	Undeclared int
	Expiring   int
}

// pageToken is a token and its roles.
type pageToken struct {
	Name, ID, Scope, Description, Expires string

	Expiring bool
	Expired  bool
	Roles    []pageRole
}

// pageRole is a role of a token. Text is what the search looks in.
type pageRole struct {
	Target, Kind, Workspace, Role, By, Text string

	Undeclared bool
}

// writePage writes one page with everything in it: it loads nothing, and its policy lets it load nothing.
func writePage(to io.Writer, title string, all []Grant, now time.Time) error {
	return pageTemplate.Execute(to, newPage(title, all, now))
}

func newPage(title string, all []Grant, now time.Time) page {
	p := page{Title: printable(title), At: now.UTC().Format(time.RFC3339), Roles: len(all)}
	workspaces, namesakes := map[string]bool{}, namedTwice(all, workspaceOn)
	last := ""
	for i := range all {
		g := &all[i]
		if g.TokenID != last || len(p.Tokens) == 0 {
			last = g.TokenID
			p.Tokens = append(p.Tokens, newPageToken(g, now))
			if t := p.Tokens[len(p.Tokens)-1]; t.Expiring && !t.Expired {
				p.Expiring++
			}
		}
		t := &p.Tokens[len(p.Tokens)-1]
		r := pageRole{
			Target: printable(g.targetName()), Kind: printable(g.TargetKind), Role: printable(g.Role),
			By: g.declaredWords(), Undeclared: g.DeclaredBy == "",
		}
		if g.Workspace != "" { // else Astro does not show the target
			r.Workspace = workspaceOn(g).among(namesakes)
			workspaces[r.Workspace] = true
			if g.WorkspaceID == g.TargetID {
				r.Target = r.Workspace
			}
		}
		if g.DeclaredBy == "" && g.ObservedBy == "" {
			r.By = "held by no binding"
		}
		r.Text = strings.ToLower(strings.Join([]string{t.Name, t.ID, r.Target, printable(g.TargetID), r.Workspace, r.Role, r.By}, " "))
		if r.Undeclared {
			p.Undeclared++
		}
		t.Roles = append(t.Roles, r)
	}
	p.Workspaces = slices.Sorted(maps.Keys(workspaces))
	return p
}

func newPageToken(g *Grant, now time.Time) pageToken {
	return pageToken{
		Name: printable(g.Token), ID: printable(g.TokenID), Scope: printable(g.Scope), Description: printable(g.Description), Expires: timeCell(g.ExpiresAt),
		Expiring: g.expiresWithin(now, soon), Expired: g.expiresWithin(now, 0),
	}
}

// targetName is the name of the target, or its id where Astro shows no name.
func (g *Grant) targetName() string {
	if g.Target == "" {
		return g.TargetID
	}
	return g.Target
}
