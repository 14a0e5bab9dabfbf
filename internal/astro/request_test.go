package astro

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestRedirectIsRefused(t *testing.T) {
	var leaked atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked.Store(true) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		client := stub(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		if _, err := client.GetToken(t.Context(), "t1"); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "redirects") {
			t.Errorf("%d: got %v", status, err)
		}
		if client.retries.left != maxRetries {
			t.Errorf("%d: tried again", status)
		}
	}
	if leaked.Load() {
		t.Error("the redirect was followed")
	}
}

func TestHeadersAndAddress(t *testing.T) {
	var got *http.Request
	client := stub(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		_, _ = w.Write([]byte(`{"id":"t1"}`))
	}, func(o *Options) { o.UserAgent, o.Credential, o.BaseURL = "stb/1.2", "abc\n", o.BaseURL+"/" })
	if _, err := client.GetToken(t.Context(), "t1"); err != nil {
		t.Fatal(err)
	}
	if got.URL.Path != "/v1/organizations/org/tokens/t1" {
		t.Errorf("asked for %s", got.URL.Path)
	}
	for name, want := range map[string]string{"Authorization": "Bearer abc", "X-Api-Version": "1.0", "User-Agent": "stb/1.2"} {
		if got.Header.Get(name) != want {
			t.Errorf("%s: %q", name, got.Header.Get(name))
		}
	}
	client.UseCredential("def")
	if _, err := client.GetToken(t.Context(), "t1"); err != nil || got.Header.Get("Authorization") != "Bearer def" {
		t.Errorf("after a rotation: %q, %v", got.Header.Get("Authorization"), err)
	}
}

func TestWhatIsNoIDNeverLeaves(t *testing.T) {
	called := false
	client := stub(t, func(http.ResponseWriter, *http.Request) { called = true })
	for _, id := range []string{"", ".", "..", "a/b", "a?b", "a b", "../workspaces/w"} {
		_, err := client.GetToken(t.Context(), id)
		_, err2 := client.UpdateRoles(t.Context(), id, nil)
		if !errors.Is(err, ErrInvalid) || !errors.Is(err2, ErrInvalid) {
			t.Errorf("%q: %v, %v", id, err, err2)
		}
	}
	if called {
		t.Error("a request was made of it")
	}
}

func TestHugeBodyIsCutOff(t *testing.T) {
	client := stub(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"id":"t1","name":"`))
		for range 10 {
			_, _ = w.Write([]byte(strings.Repeat("x", 1<<20)))
		}
		_, _ = w.Write([]byte(`"}`))
	})
	client.retries.left, client.opts.ReadTimeout = 0, time.Minute
	if _, err := client.GetToken(t.Context(), "t1"); !errors.Is(err, ErrUnreachable) || !strings.Contains(InFull(err).Error(), "too large") {
		t.Errorf("got %v", err)
	}
}
