package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// calmOthers change what nobody declares, otherSteps anything.
var calmOthers = []weighted{
	{3, drawGrant},
	{2, drawForeignRole},
	{1, drawTakeAway},
}

var otherSteps = append([]weighted{
	{4, drawCLI},
	{1, drawRenameToken},
	{1, drawDeleteToken},
	{1, drawNewToken},
	{1, drawRenameEntity},
	{2, drawMove},
	{2, drawDeleteDeployment},
	{1, drawNewDeployment},
	{1, drawDeleteWorkspace},
	{1, drawCustomRole},
}, append(calmOthers, calmOthers...)...)

// drawGrant gives a token a role on a Workspace or Deployment, whoever may have declared one there.
func drawGrant(d draw) func(*world) {
	token, target, role := d.number(), d.number(), drawRole(d)
	return func(w *world) {
		t, e := w.token(token), w.entity(target)
		if t.gone || e.gone || t.scope == astrosim.TypeWorkspace && (e.kind == astrosim.TypeWorkspace || e.workspace != t.home) {
			return
		}
		name := role.workspace
		if e.kind == astrosim.TypeDeployment {
			name = "DEPLOYMENT_ADMIN"
		}
		r := astrosim.RawRole(fmt.Sprintf(`{"role":%q,"entityType":%q,"entityId":%q,"grantedBy":"somebody <b>&</b>"}`, name, e.kind, e.id))
		w.history.notef("other", "grants %s %s", t.id, r)
		w.sim.Grant(t.id, r)
	}
}

// drawForeignRole gives a token a role that no binding could declare.
func drawForeignRole(d draw) func(*world) {
	token, target, kind := d.number(), d.number(), d.IntN(3)
	return func(w *world) {
		t, e := w.token(token), w.deploymentOf(target)
		if t.gone || e.gone {
			return
		}
		r := astrosim.DAGRole(e.id, fmt.Sprintf("dag_%d", token%2), "DAG_VIEWER")
		switch kind {
		case 1:
			r = astrosim.DAGTagRole(e.id, "nightly", "DAG_AUTHOR")
		case 2:
			r = astrosim.RawRole(`{"entityId":"x1","entityType":"FUTURE_THING","role":"THING_ADMIN", "since":1.50e3,"more":{"a":[1,2]}}`)
		}
		w.history.notef("other", "grants %s %s", t.id, r)
		w.sim.Grant(t.id, r)
	}
}

// drawTakeAway takes a role from a token.
func drawTakeAway(d draw) func(*world) {
	token, target := d.number(), d.number()
	return func(w *world) {
		t, e := w.token(token), w.entity(target)
		if t.gone || e.id == t.home {
			return
		}
		w.history.notef("other", "takes from %s its role on %s", t.id, e.id)
		w.sim.RevokeRole(t.id, e.kind, e.id)
	}
}

// drawCLI does what the CLI does: read the token, and write the whole set back a while later.
func drawCLI(d draw) func(*world) {
	token, target, role, slow, remove := d.number(), d.number(), drawRole(d), d.upTo(30*time.Millisecond), d.chance(0.4)
	return func(w *world) {
		t, e := w.token(token), w.entity(target)
		if t.gone || e.gone || t.scope == astrosim.TypeWorkspace && (e.kind == astrosim.TypeWorkspace || e.workspace != t.home) {
			return
		}
		roles, ok := w.readRoles(t.id)
		if !ok {
			return
		}
		var set []json.RawMessage
		for _, r := range roles {
			if r.EntityID != e.id || r.EntityType != e.kind {
				set = append(set, r.Raw)
			}
		}
		name := role.workspace
		if e.kind == astrosim.TypeDeployment {
			name = "Deploy Only"
		}
		if !remove {
			set = append(set, []byte(fmt.Sprintf(`{"entityType":%q,"entityId":%q,"role":%q}`, e.kind, e.id, name)))
		}
		time.Sleep(slow)
		code := w.writeRoles(t.id, set)
		w.history.notef("other", "writes all of %s %s later, with %s on %s (removed: %t) -> %d", t.id, slow, name, e.id, remove, code)
	}
}

func (w *world) readRoles(token string) ([]astrosim.Role, bool) {
	answer := w.asSomebody(http.MethodGet, "/tokens/"+token, nil)
	return rolesIn(answer.Body.Bytes())
}

func (w *world) writeRoles(token string, set []json.RawMessage) int {
	body, err := json.Marshal(map[string]any{"roles": set})
	if err != nil {
		return 0
	}
	return w.asSomebody(http.MethodPost, "/tokens/"+token+"/roles", body).Code
}

// asSomebody calls the simulated Astro with a credential that is not the operator's.
func (w *world) asSomebody(method, path string, body []byte) (answer *httptest.ResponseRecorder) {
	r := httptest.NewRequest(method, "/v1/organizations/"+w.org+path, io.NopCloser(bytes.NewReader(body)))
	r.Header.Set("Authorization", "Bearer "+w.sim.Credential(w.owner))
	r.Header.Set("Content-Type", "application/json")
	answer = httptest.NewRecorder()
	defer func() { _ = recover() }() // a fault may cut this line, too
	w.sim.ServeHTTP(answer, r)
	return answer
}

func drawRenameToken(d draw) func(*world) {
	token, name := d.IntN(60), pick(d, "ci-0", "ci-1", "renamed", "bot")
	return func(w *world) {
		t := w.token(token)
		w.mu.Lock()
		defer w.mu.Unlock()
		if t.gone {
			return
		}
		t.name, t.names = name, append(t.names, name)
		w.sim.RenameToken(t.id, name)
		w.history.notef("other", "renames token %s to %s", t.id, name)
	}
}

func drawDeleteToken(d draw) func(*world) {
	token, again := d.IntN(60), d.chance(0.6)
	return func(w *world) {
		t := w.token(token)
		if t.gone {
			return
		}
		w.mu.Lock()
		t.gone = true
		w.mu.Unlock()
		w.history.notef("other", "deletes token %s", t.id)
		w.sim.DeleteToken(t.id)
		if again && (t.scope == astrosim.TypeOrganization || !w.find(t.home).gone) {
			w.addToken(t.name, homeOf(t))
		}
	}
}

func homeOf(t *entity) string {
	if t.scope == astrosim.TypeOrganization {
		return ""
	}
	return t.home
}

func drawNewToken(d draw) func(*world) {
	name := pick(d, "ci-0", "ci-2", "bot")
	return func(w *world) { w.addToken(name, "") }
}

// drawCustomRole deletes a custom role, and makes it again.
func drawCustomRole(d draw) func(*world) {
	during := d.upTo(150 * time.Millisecond)
	return func(w *world) {
		defer func() { _ = recover() }() // somebody else has deleted it just now
		w.sim.DeleteCustomRole(w.org, "Deploy Only")
		w.history.notef("other", "deletes the role Deploy Only")
		time.Sleep(during)
		w.sim.AddCustomRole(w.org, "Deploy Only", "DEPLOYMENT")
		w.history.notef("other", "makes the role Deploy Only again")
	}
}
