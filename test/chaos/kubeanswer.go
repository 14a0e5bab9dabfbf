package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"
)

// fail answers in place of the API server, or only later.
func (g *kubeGate) fail(rw http.ResponseWriter, r *http.Request, w *world, t *apiTrouble) bool {
	w.tally.add("api_"+t.kind, 1)
	switch t.kind {
	case "error":
		w.history.notef("api", "500 to %s %s", r.Method, r.URL.Path)
		status(rw, http.StatusInternalServerError, "InternalError")
	case "conflict":
		w.history.notef("api", "409 to %s %s", r.Method, r.URL.Path)
		status(rw, http.StatusConflict, "Conflict")
	default:
		time.Sleep(t.delay)
		return false
	}
	return true
}

func status(rw http.ResponseWriter, code int, reason string) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(code)
	_, _ = fmt.Fprintf(rw, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"chaos","reason":%q,"code":%d}`, reason, code)
}

// effect lets a side effect through, unless a failpoint stands before it.
func (g *kubeGate) effect(rw http.ResponseWriter, r *http.Request, w *world) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the operator is gone
	}
	e := w.kubeEffect(r, body)
	kill, after := false, false
	if e.what != "event" {
		kill, after = w.failpoints.arrive(e.what)
	}
	if kill && !after {
		w.killAt(e.what, "before")
		panic(http.ErrAbortHandler)
	}
	e.arrive()
	// What has arrived takes effect, and the checker sees the answer, even if the operator was killed meanwhile.
	response, answer, err := g.forward(context.WithoutCancel(r.Context()), r, body)
	if err != nil {
		e.notef("no answer: %v", err)
		panic(http.ErrAbortHandler)
	}
	e.done(response.StatusCode, answer)
	if kill {
		w.killAt(e.what, "after")
		panic(http.ErrAbortHandler)
	}
	giveAnswer(rw, response, answer)
}

// giveAnswer gives the API server's answer to the operator.
func giveAnswer(rw http.ResponseWriter, response *http.Response, answer []byte) {
	maps.Copy(rw.Header(), response.Header)
	rw.Header().Del("Content-Length")
	rw.WriteHeader(response.StatusCode)
	_, _ = rw.Write(answer)
}

// readJournal lets a read of ConfigMaps through, and remembers what they say. A process that begins lists them all. One that
// reads a single page again after a conflict learns nothing from the entries that it knows and is about to clear.
func (g *kubeGate) readJournal(rw http.ResponseWriter, r *http.Request, w *world) {
	response, answer, err := g.forward(r.Context(), r, nil)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if strings.HasSuffix(r.URL.Path, "/configmaps") {
		for name, data := range pagesOf(answer) {
			w.departures.setPage(name, data)
		}
	}
	giveAnswer(rw, response, answer)
}

func (g *kubeGate) forward(ctx context.Context, r *http.Request, body []byte) (*http.Response, []byte, error) {
	u := *r.URL
	u.Scheme, u.Host = g.upstream.Scheme, g.upstream.Host
	out, err := http.NewRequestWithContext(ctx, r.Method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	out.Header = r.Header.Clone()
	out.Header.Del("Accept-Encoding")
	response, err := g.transport.RoundTrip(out)
	if err != nil {
		return nil, nil, err
	}
	answer, err := io.ReadAll(response.Body)
	return response, answer, errors.Join(err, response.Body.Close())
}
