package astrosim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// world is a small Organization to try things on.
type world struct {
	*astrosim.Sim
	t                               *testing.T
	org, ws, ws2, dep, dep2         string
	operator, ci, wsToken, depToken string
	credential, contentType         string
	client                          *http.Client
	ctx                             context.Context // of every call; the test's if nil
	clock                           *clock
}

func newWorld(t *testing.T, options astrosim.Options) *world {
	t.Helper()
	c := newClock()
	options.Now = c.now
	s := astrosim.Serve(t, options)
	w := &world{Sim: s, t: t, clock: c, contentType: "application/json", client: &http.Client{Transport: &http.Transport{}, Timeout: 15 * time.Second}}
	t.Cleanup(w.client.CloseIdleConnections)
	w.org = s.AddOrganization("Acme")
	w.ws, w.ws2 = s.AddWorkspace(w.org, "data"), s.AddWorkspace(w.org, "Data Science")
	w.dep, w.dep2 = s.AddDeployment(w.ws, "prod-etl"), s.AddDeployment(w.ws2, "models")
	s.AddCustomRole(w.org, "Deploy Only", "DEPLOYMENT")
	s.AddCustomRole(w.org, "Restricted", "DEPLOYMENT", astrosim.RestrictedTo(w.ws2))
	w.operator = s.AddOrganizationToken(w.org, "operator", "ORGANIZATION_OWNER")
	w.ci = s.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
	w.wsToken = s.AddWorkspaceToken(w.ws, "ws-ci", "WORKSPACE_MEMBER")
	w.depToken = s.AddDeploymentToken(w.dep, "dep-ci", "DEPLOYMENT_ADMIN")
	w.credential = s.Credential(w.operator)
	return w
}

func withBehaviour(t *testing.T, settings ...string) astrosim.Behaviour {
	t.Helper()
	var b astrosim.Behaviour
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		if err := b.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// clock is moved by hand.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time { return time.Unix(0, c.nanos.Load()) }

func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

type reply struct {
	status int
	header http.Header
	body   []byte
	err    error
}

func (w *world) path(rest string) string { return "/v1/organizations/" + w.org + rest }

// do sends a request below the Organization as the holder of the world's credential.
func (w *world) do(method, rest, body string) reply {
	w.t.Helper()
	return w.send(method, w.path(rest), body, w.credential)
}

func (w *world) send(method, path, body, credential string) reply {
	w.t.Helper()
	ctx := w.ctx
	if ctx == nil {
		ctx = w.t.Context()
	}
	request, err := http.NewRequestWithContext(ctx, method, w.URL()+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if w.contentType != "" {
		request.Header.Set("Content-Type", w.contentType)
	}
	if credential != "" {
		request.Header.Set("Authorization", "Bearer "+credential)
	}
	response, err := w.client.Do(request)
	if err != nil {
		return reply{err: err}
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, data, err}
}

func (w *world) get(rest string) reply { w.t.Helper(); return w.do(http.MethodGet, rest, "") }

func (w *world) setRoles(token string, roles ...astrosim.Role) reply {
	w.t.Helper()
	raw := make([]string, 0, len(roles))
	for _, r := range roles {
		raw = append(raw, string(r.Raw))
	}
	return w.do(http.MethodPost, "/tokens/"+token+"/roles", `{"roles":[`+strings.Join(raw, ",")+`]}`)
}

func (w *world) orgRole() astrosim.Role {
	return astrosim.OrganizationRole(w.org, "ORGANIZATION_MEMBER")
}

type page struct {
	Tokens, Workspaces, Deployments, Roles []struct {
		ID, Name string
		Roles    json.RawMessage
	}
	DefaultRoles              []struct{ Name string }
	TotalCount, Limit, Offset int
}

func (r reply) page(t *testing.T) page {
	t.Helper()
	var p page
	r.decode(t, &p)
	return p
}

func (r reply) decode(t *testing.T, into any) {
	t.Helper()
	if r.err != nil || r.status != http.StatusOK {
		t.Fatalf("want 200, got %d %s %v", r.status, r.body, r.err)
	}
	r.read(t, into)
}

func (r reply) read(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal(r.body, into); err != nil {
		t.Fatalf("decode %s: %v", r.body, err)
	}
}

func (p page) names() string {
	var names []string
	for _, rows := range [][]struct {
		ID, Name string
		Roles    json.RawMessage
	}{p.Tokens, p.Workspaces, p.Deployments, p.Roles} {
		for _, row := range rows {
			names = append(names, row.Name)
		}
	}
	return strings.Join(names, " ")
}

func roleStrings(roles []astrosim.Role) string { return fmt.Sprint(roles) }
