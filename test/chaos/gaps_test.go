package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/watch"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

const bindingsPath = "/apis/astro.scopedtoken.dev/v1alpha1/scopedtokenbindings"

// ask puts a request to the gate; 0 stands for one that waits, 200 for one that passes.
func ask(t *testing.T, g *kubeGate, query string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	answer := httptest.NewRecorder()
	code := 0
	func() {
		defer func() { _ = recover() }()
		if g.passGap(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, bindingsPath+query, nil)) {
			code = http.StatusOK
		} else {
			code = answer.Code
		}
	}()
	return code
}

func TestGap(t *testing.T) {
	g := &kubeGate{}
	if got := ask(t, g, "?watch=true&resourceVersion=7"); got != http.StatusOK {
		t.Errorf("without a gap a watch is resumed: %d", got)
	}
	g.openGap()
	for _, query := range []string{"", "?watch=true&resourceVersion=7"} {
		if got := ask(t, g, query); got != 0 {
			t.Errorf("%q waits while the gap is open: %d", query, got)
		}
	}
	g.closeGap()
	if got := ask(t, g, "?watch=true&resourceVersion=7"); got != http.StatusGone {
		t.Errorf("after the gap a resumed watch is too old: %d", got)
	}
	if got := ask(t, g, "?watch=true&sendInitialEvents=true&resourceVersion=7"); got != http.StatusOK {
		t.Errorf("a watch that begins with the state is a listing: %d", got)
	}
	if got := ask(t, g, "?watch=true&resourceVersion=9"); got != http.StatusOK {
		t.Errorf("after a listing a watch is resumed: %d", got)
	}
}

func TestEventTee(t *testing.T) {
	var got []string
	tee := &eventTee{ResponseWriter: httptest.NewRecorder(), show: func(e watch.EventType, b *v1alpha1.ScopedTokenBinding) {
		got = append(got, string(e)+" "+b.Name)
	}}
	stream := `{"type":"ADDED","object":{"metadata":{"name":"a","uid":"1"}}}` + "\n" + `{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"5"}}}` +
		"\n" + `{"type":"DELETED","object":{"metadata":{"name":"b","uid":"2"}}}` + "\n"
	for _, part := range []string{stream[:30], stream[30:100], stream[100:]} {
		if _, err := tee.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != 2 || got[0] != "ADDED a" || got[1] != "DELETED b" {
		t.Errorf("got %q", got)
	}
}

func TestAllBindings(t *testing.T) {
	for path, want := range map[string]bool{
		bindingsPath: true,
		"/apis/astro.scopedtoken.dev/v1alpha1/namespaces/a/scopedtokenbindings":   true,
		"/apis/astro.scopedtoken.dev/v1alpha1/namespaces/a/scopedtokenbindings/b": false,
		"/apis/astro.scopedtoken.dev/v1alpha1/astroconnections":                   false,
	} {
		if allBindings(path) != want {
			t.Errorf("%s: want %t", path, want)
		}
	}
}
