package astrosim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestFaultsOfReads(t *testing.T) {
	cases := map[string]struct {
		fault astrosim.Fault
		path  string
		want  string
		total int
	}{
		"stale list":                {astrosim.Fault{Kind: astrosim.FaultStale}, "/tokens", "operator first ws-ci dep-ci late", 5},
		"stale list, two back":      {astrosim.Fault{Kind: astrosim.FaultStale, Back: 2}, "/tokens", "operator ci ws-ci dep-ci late", 5},
		"the list of a time":        {astrosim.Fault{Kind: astrosim.FaultStale, Age: 90 * time.Second}, "/tokens", "operator ci ws-ci dep-ci gone", 5},
		"rows skipped":              {astrosim.Fault{Kind: astrosim.FaultShift}, "/tokens?limit=2&offset=2", "dep-ci late", 5},
		"rows repeated":             {astrosim.Fault{Kind: astrosim.FaultShift, Shift: -1}, "/tokens?limit=2&offset=2", "second ws-ci", 5},
		"the first page is as ever": {astrosim.Fault{Kind: astrosim.FaultShift}, "/tokens?limit=2&offset=0", "operator second", 5},
		"hidden by id":              {astrosim.Fault{Kind: astrosim.FaultHide, IDs: []string{"cci"}}, "/tokens", "operator ws-ci dep-ci late", 4},
		"hidden but counted":        {astrosim.Fault{Kind: astrosim.FaultHide, IDs: []string{"cci"}, KeepTotal: true}, "/tokens", "operator ws-ci dep-ci late", 5},
		"all hidden":                {astrosim.Fault{Kind: astrosim.FaultHide}, "/tokens", "", 0},
		"none hidden":               {astrosim.Fault{Kind: astrosim.FaultHide, Keep: 1}, "/workspaces", "data Data Science", 2},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, astrosim.Options{})
			gone := w.AddOrganizationToken(w.org, "gone", "ORGANIZATION_MEMBER")
			for i := range tc.fault.IDs {
				tc.fault.IDs[i] = w.ci
			}
			w.clock.advance(time.Minute)
			w.RenameToken(w.ci, "first")
			w.DeleteToken(gone)
			w.AddOrganizationToken(w.org, "late", "ORGANIZATION_MEMBER")
			w.clock.advance(time.Minute)
			w.RenameToken(w.ci, "second")
			remove := w.Inject(tc.fault)
			if got := w.get(tc.path).page(t); got.names() != tc.want || got.TotalCount != tc.total {
				t.Errorf("got %q of %d, want %q of %d", got.names(), got.TotalCount, tc.want, tc.total)
			}
			remove()
			if got := w.get("/tokens").page(t).names(); got != "operator second ws-ci dep-ci late" {
				t.Errorf("afterwards: %q", got)
			}
		})
	}
}

func TestStaleGetAndRowsWithoutRoles(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	w.setRoles(w.ci, w.orgRole(), astrosim.WorkspaceRole(w.ws, "WORKSPACE_MEMBER"))
	w.Inject(astrosim.Fault{Kind: astrosim.FaultStale, Times: 1})
	var token struct{ Roles []astrosim.Role }
	for _, want := range []int{1, 2} {
		w.get("/tokens/"+w.ci).decode(t, &token)
		if len(token.Roles) != want {
			t.Errorf("got %v, want %d roles", token.Roles, want)
		}
	}
	w.Inject(astrosim.Fault{Kind: astrosim.FaultOmitRoles, IDs: []string{w.ci}})
	rows := w.get("/tokens").page(t).Tokens
	if rows[0].Roles == nil || rows[1].Roles != nil {
		t.Errorf("roles: %s and %s", rows[0].Roles, rows[1].Roles)
	}
	if body := w.get("/tokens/" + w.ci).body; strings.Contains(string(body), `"roles"`) {
		t.Errorf("read by id: %s", body)
	}
}

func TestOldReadsAreTold(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	member := astrosim.WorkspaceRole(w.ws, "WORKSPACE_MEMBER")
	read := func(path, id string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL()+"/v1/organizations/"+w.org+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+w.credential)
		r.Header.Set("X-Request-ID", id)
		answer, err := w.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
	}
	w.clock.advance(10 * time.Second)
	w.setRoles(w.ci, w.orgRole(), member)
	changed := w.clock.now()
	w.clock.advance(2 * time.Second)
	remove := w.Inject(astrosim.Fault{Kind: astrosim.FaultStale, Age: time.Second})
	read("/tokens/"+w.ci, "shows it as it is")
	remove()
	remove = w.Inject(astrosim.Fault{Kind: astrosim.FaultStale, Age: 3 * time.Second})
	read("/tokens/"+w.ci, "shows it as it was")
	read("/tokens", "lists it as it was")
	remove()
	read("/tokens/"+w.ci, "shows it as it is again")
	var got []string
	for _, o := range w.OldReads() {
		got = append(got, o.RequestID)
		if o.TokenID != w.ci || !o.Until.Equal(changed) || fmt.Sprint(o.Shown) != fmt.Sprint([]astrosim.Role{w.orgRole()}) || len(o.Held) != 2 {
			t.Errorf("%+v", o)
		}
	}
	if fmt.Sprint(got) != "[shows it as it was lists it as it was]" {
		t.Errorf("got %v", got)
	}
	w.ResetAudit()
	if len(w.OldReads()) != 0 {
		t.Error("the old reads were not forgotten")
	}
}
