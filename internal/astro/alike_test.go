package astro

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestAlike(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	upper := w.AddOrganizationToken(w.org, "CI", "ORGANIZATION_MEMBER")
	other := w.AddWorkspace(w.org, "other")
	athome := w.AddWorkspaceToken(w.ws, "Ci", "WORKSPACE_MEMBER")
	w.AddWorkspaceToken(other, "cI", "WORKSPACE_MEMBER")
	d := w.directory()
	if _, err := d.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		reason string
		scope  Scope
		home   string
		name   string
		want   string
	}{
		"Organization": {"Of the scope only.", ScopeOrganization, "", "Ci", upper + " " + w.ci},
		"Itself":       {"The very name does not look like itself.", ScopeOrganization, "", "ci", upper},
		"Home":         {"Of Workspace tokens those made there.", ScopeWorkspace, w.ws, "CI", athome},
		"NoHome":       {"None where it is not said where.", ScopeWorkspace, "", "CI", ""},
		"Nothing":      {"None that looks like it.", ScopeOrganization, "", "deployer", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := unordered(d.Alike(c.scope, c.home, c.name)); !sameIDs(got, c.want) {
				t.Errorf("%s\nwant %q, got %q", c.reason, c.want, got)
			}
		})
	}
	w.RenameToken(upper, "deployer")
	if _, err := d.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := d.Alike(ScopeOrganization, "", "Ci"); len(got) != 1 || got[0].ID != w.ci {
		t.Errorf("names are those of the last listing: %+v", got)
	}
}

func unordered(tokens []Token) (ids []string) {
	for _, token := range tokens {
		ids = append(ids, token.ID)
	}
	return ids
}

func sameIDs(got []string, want string) bool {
	for _, id := range got {
		if !strings.Contains(want, id) {
			return false
		}
	}
	return len(got) == len(strings.Fields(want))
}

func TestAlikeTargetsAreListedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{Latency: 80 * time.Millisecond})
		upper := w.AddDeployment(w.ws, "Prod-ETL")
		elsewhere := w.AddDeployment(w.AddWorkspace(w.org, "other"), "prod_etl")
		d := w.directory()
		ask := func(q TargetQuery) (ids []string) {
			for _, found := range d.AlikeTargets(t.Context(), q) {
				ids = append(ids, found.ID)
			}
			return ids
		}
		sweep := func() {
			if _, err := d.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		sweep()
		before := len(w.wire.requests())
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if got := ask(TargetQuery{Kind: EntityDeployment, Name: "PROD-etl", WorkspaceID: w.ws}); !sameIDs(got, w.dep+" "+upper) {
					t.Errorf("those of the Workspace: %q", got)
				}
			})
		}
		all.Wait()
		if got := ask(TargetQuery{Kind: EntityDeployment, Name: "prod\u2013etl"}); !sameIDs(got, w.dep+" "+upper+" "+elsewhere) {
			t.Errorf("those of all Workspaces: %q", got)
		}
		if got := ask(TargetQuery{Kind: EntityDeployment, ID: w.dep}); got != nil {
			t.Errorf("an id has none: %q", got)
		}
		if n := len(w.wire.requests()) - before; n != 1 {
			t.Errorf("%d calls", n)
		}
		time.Sleep(time.Hour)
		ask(TargetQuery{Kind: EntityDeployment, Name: "nope"})
		if n := len(w.wire.requests()) - before; n != 1 {
			t.Errorf("without a sweep nothing is listed again: %d calls", n)
		}
		sweep()
		ask(TargetQuery{Kind: EntityDeployment, Name: "nope"})
		ask(TargetQuery{Kind: EntityDeployment, Name: "nope"})
		if n := len(w.wire.requests()) - before; n != 3 {
			t.Errorf("after a sweep it is listed once: %d calls", n)
		}
	})
}
