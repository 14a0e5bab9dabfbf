package astro

import (
	"net/http"
	"slices"
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestUpdateIsConfirmed(t *testing.T) {
	cases := map[string]struct {
		reason, value string
		confirmed     bool
		reads         int
		faults        []astrosim.Fault
	}{
		"full":        {"the answer shows it", "Full", true, 1, nil},
		"empty":       {"an answer that says nothing is followed by a look", "Empty", true, 2, nil},
		"stale":       {"as is one that is late", "Stale", true, 2, nil},
		"stale reads": {"reads may be late too, then it stays open", "Stale", false, 3, []astrosim.Fault{{Kind: astrosim.FaultStale, Endpoint: "tokens.get"}}},
		"one stale":   {"the second look may be better", "Stale", true, 3, []astrosim.Fault{{Kind: astrosim.FaultStale, Endpoint: "tokens.get", Times: 2}}},
		"look fails":  {"a look that fails does not undo the write", "Empty", false, 3, []astrosim.Fault{{Kind: astrosim.FaultServerError, Endpoint: "tokens.get", After: 1}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, astrosim.Options{})
			if err := w.SetBehaviour("roles-answer", astrosim.Choice(c.value)); err != nil {
				t.Fatal(err)
			}
			for _, f := range c.faults {
				w.Inject(f)
			}
			u, err := w.client.UpdateRoles(t.Context(), w.ci, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")))
			if err != nil || !u.Written || u.Confirmed != c.confirmed || w.wire.count(http.MethodGet) != c.reads {
				t.Errorf("%s: %+v after %d reads, %v", c.reason, u, w.wire.count(http.MethodGet), err)
			}
			if w.wire.count(http.MethodPost) != 1 || u.After.RoleOn(NewRole(EntityWorkspace, w.ws, "").Key()) == "" {
				t.Errorf("%s: %d POSTs, after %v", c.reason, w.wire.count(http.MethodPost), u.After.Roles)
			}
		})
	}
}

// TestRemovalIsNotConfirmedBySilence: an answer without any field holds none of the removed roles either.
func TestRemovalIsNotConfirmedBySilence(t *testing.T) {
	w := newWorld(t, astrosim.Options{Behaviour: astrosim.Behaviour{RolesAnswer: astrosim.Empty}})
	w.GrantRole(w.ci, "WORKSPACE", w.ws, "WORKSPACE_MEMBER")
	u, err := w.client.UpdateRoles(t.Context(), w.ci, func(now Token) ([]Role, bool) { return now.Roles[:1], true })
	if err != nil || !u.Confirmed || w.wire.count(http.MethodGet) != 2 || w.RoleOn(w.ci, "WORKSPACE", w.ws) != "" {
		t.Errorf("got %+v after %d reads, %v", u, w.wire.count(http.MethodGet), err)
	}
}

// TestAccessorInPlaceOfARemovedRole has Astro put an accessor role where a Workspace role was taken out, since the token
// holds a Deployment role inside: it is told, and the removal counts as made.
func TestAccessorInPlaceOfARemovedRole(t *testing.T) {
	for _, held := range []string{"WORKSPACE_MEMBER", "WORKSPACE_ACCESSOR"} {
		t.Run(held, func(t *testing.T) {
			w := newWorld(t, astrosim.Options{Behaviour: astrosim.Behaviour{RemoveWorkspaceRole: astrosim.AddAccessor}})
			w.GrantRole(w.ci, "WORKSPACE", w.ws, held)
			w.GrantRole(w.ci, "DEPLOYMENT", w.dep, "DEPLOYMENT_ADMIN")
			key := NewRole(EntityWorkspace, w.ws, "").Key()
			u, err := w.client.UpdateRoles(t.Context(), w.ci, func(now Token) ([]Role, bool) {
				return slices.DeleteFunc(now.Roles, func(r Role) bool { return r.Key() == key }), true
			})
			if err != nil || !u.Confirmed || !slices.Equal(u.Accessors, []RoleKey{key}) || u.After.RoleOn(key) != "WORKSPACE_ACCESSOR" {
				t.Errorf("got %+v, %v", u, err)
			}
		})
	}
}

func TestShows(t *testing.T) {
	ws, dep, dag := NewRole(EntityWorkspace, "w", "A"), NewRole(EntityDeployment, "d", "B"), Role{EntityType: EntityDag, EntityID: "x", DeploymentID: "d", Role: "C"}
	cases := map[string]struct {
		reason              string
		shown, before, sent []Role
		want                bool
	}{
		"all there":       {"what was sent", []Role{ws, dep}, []Role{ws}, []Role{ws, dep}, true},
		"missing":         {"less than was sent", []Role{ws}, []Role{ws}, []Role{ws, dep}, false},
		"another role":    {"something else", []Role{ws.WithRole("Z")}, nil, []Role{ws}, false},
		"not removed":     {"what was to go", []Role{ws, dep}, []Role{ws, dep}, []Role{ws}, false},
		"removed":         {"no more", []Role{ws}, []Role{ws, dep}, []Role{ws}, true},
		"extra":           {"what nobody asked for does not matter", []Role{ws, dep}, nil, []Role{dep}, true},
		"DAGs not listed": {"what no binding is about does not matter", []Role{ws}, []Role{dag}, []Role{ws, dag}, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := shows(rolesByKey(c.shown), c.before, c.sent); got != c.want {
				t.Errorf("%s: got %t", c.reason, got)
			}
		})
	}
}
