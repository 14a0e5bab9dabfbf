package astro

import (
	"net/http"
	"strings"
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestConnectionsAreReused(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	opened := &countingTransport{Transport: &http.Transport{}}
	opened.watch()
	client := NewClient(Options{BaseURL: w.URL(), Organization: w.org, Credential: w.Credential(w.self), Limiter: unlimited(), Transport: opened})
	for range 20 {
		_, _ = client.GetToken(t.Context(), w.ci)
		_, _ = client.GetToken(t.Context(), "nosuchtoken") // error bodies are drained as well
		_, _ = client.UpdateRoles(t.Context(), w.ci, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")))
		_, _ = client.ListTokens(t.Context())
	}
	if opened.dials > 1 {
		t.Errorf("%d connections for calls one after the other", opened.dials)
	}
	opened.CloseIdleConnections()
}

func TestConnectionOfABadAnswerIsReused(t *testing.T) {
	opened := &countingTransport{Transport: &http.Transport{}}
	opened.watch()
	client := stub(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("no page " + strings.Repeat("x", 20<<10)))
	}, func(o *Options) { o.Transport = opened })
	client.retries.left = 0
	for range 5 {
		_, _ = client.ListTokens(t.Context())
	}
	if opened.dials > 1 {
		t.Errorf("%d connections", opened.dials)
	}
	opened.CloseIdleConnections()
}
