package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// quiet is for servers whose handlers end connections on purpose.
var quiet = log.New(io.Discard, "", 0)

// astroGate stands before the simulated Astro: it serves the one of the present schedule, remembers what the operator
// was shown before each of its writes, and stops it at failpoints.
type astroGate struct {
	server  *http.Server
	address string

	mu    sync.Mutex
	world *world

	marked atomic.Int64 // calls
}

func newAstroGate() (*astroGate, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &astroGate{address: listener.Addr().String()}
	g.server = &http.Server{Handler: g, ErrorLog: quiet, ConnContext: g.stamp}
	go func() { _ = g.server.Serve(listener) }()
	return g, nil
}

type processKey struct{}

// stamp marks a connection with the process that ran when it was made: a killed process may have sent what arrives now.
func (g *astroGate) stamp(ctx context.Context, _ net.Conn) context.Context {
	g.mu.Lock()
	w := g.world
	g.mu.Unlock()
	return withProcess(ctx, w)
}

func withProcess(ctx context.Context, w *world) context.Context {
	if w == nil {
		return ctx
	}
	return context.WithValue(ctx, processKey{}, w.operator.process())
}

func processOf(r *http.Request) int {
	n, _ := r.Context().Value(processKey{}).(int)
	return n
}

// attach makes the gate that of a schedule.
func (g *astroGate) attach(w *world) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.world = w
}

func (g *astroGate) close() { _ = g.server.Close() }

// ServeHTTP implements http.Handler.
func (g *astroGate) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	w := g.world
	g.mu.Unlock()
	if w == nil {
		panic(http.ErrAbortHandler)
	}
	secret, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	token := tokenOf(r.URL.Path)
	switch {
	case !w.isOperators(secret):
		w.sim.ServeHTTP(rw, r)
	case r.Method == http.MethodGet:
		w.activity.calls(processOf(r))
		w.departures.begin(processOf(r))
		g.read(rw, r, w, token)
	default:
		w.activity.calls(processOf(r))
		w.departures.begin(processOf(r))
		w.activity.write()
		g.write(rw, r, w, token)
		w.activity.touch()
	}
}

// tokenOf is the id of the token that a path speaks of, "" if it speaks of none.
func tokenOf(path string) string {
	_, rest, found := strings.Cut(path, "/tokens/")
	if !found {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	return id
}

// read lets a read through and remembers what it showed.
func (g *astroGate) read(rw http.ResponseWriter, r *http.Request, w *world, token string) {
	if token == "" {
		what, whole := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:], false
		w.sim.ServeHTTP(&tee{ResponseWriter: rw, status: http.StatusOK, before: func(status int, body []byte) {
			w.history.notef("list", "%s?%s -> %d, %d bytes (process %d)", what, r.URL.RawQuery, status, len(body), processOf(r))
			whole = what == "tokens" && isLastPage(body)
			if what == "tokens" && status == http.StatusOK {
				w.writes.listed(processOf(r), time.Now(), datesIn(body))
			}
		}}, r)
		if whole {
			w.activity.listed()
		}
		return
	}
	asked, id := time.Now(), g.mark(r)
	w.sim.ServeHTTP(&tee{ResponseWriter: rw, status: http.StatusOK, before: func(status int, body []byte) {
		if status != http.StatusOK {
			w.history.notef("get", "%s -> %d", token, status)
			return
		}
		if roles, ok := rolesIn(body); ok {
			w.history.notef("get", "%s -> %v", token, roles)
			read := &reading{asked: asked, at: time.Now(), process: processOf(r), updated: updatedIn(body), roles: roles, old: w.oldRead(id)}
			w.judgeReading(token, read)
			w.writes.shown(token, read)
		}
	}}, r)
}

// mark gives a call an id of its own, by which the simulated Astro tells what it came to.
func (g *astroGate) mark(r *http.Request) string {
	id := fmt.Sprintf("call-%d", g.marked.Add(1))
	r.Header.Set("X-Request-ID", id)
	return id
}

// oldRead is what is known of a read that was answered with an old state, nil if it was not.
func (w *world) oldRead(requestID string) *astrosim.OldRead {
	all := w.sim.OldReads()
	i := slices.IndexFunc(all, func(o astrosim.OldRead) bool { return o.RequestID == requestID })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// isLastPage says whether no page follows this one.
func isLastPage(body []byte) bool {
	var page struct {
		Offset     int `json:"offset"`
		Limit      int `json:"limit"`
		TotalCount int `json:"totalCount"`
	}
	return json.Unmarshal(body, &page) != nil || page.Offset+page.Limit >= page.TotalCount
}

// tee tells of an answer before it is given.
type tee struct {
	http.ResponseWriter

	status int
	before func(status int, body []byte)
}

// Unwrap is for http.ResponseController.
func (t *tee) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (t *tee) WriteHeader(status int) {
	t.status = status
	t.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (t *tee) Write(p []byte) (int, error) {
	t.before(t.status, p)
	return t.ResponseWriter.Write(p)
}

// updatedIn reads updatedAt out of a token.
func updatedIn(body []byte) time.Time {
	var token struct {
		UpdatedAt time.Time `json:"updatedAt"`
	}
	_ = json.Unmarshal(body, &token) // its roles were read already
	return token.UpdatedAt
}

// rolesIn reads the roles out of a token, each byte for byte.
func rolesIn(body []byte) ([]astrosim.Role, bool) {
	var token struct {
		Roles []json.RawMessage `json:"roles"`
	}
	if json.Unmarshal(body, &token) != nil || token.Roles == nil {
		return nil, false
	}
	roles := make([]astrosim.Role, 0, len(token.Roles))
	for _, raw := range token.Roles {
		roles = append(roles, astrosim.RawRole(string(raw)))
	}
	return roles, true
}

// write lets a write through, unless a failpoint stands before it, and puts what it did to the checker.
func (g *astroGate) write(rw http.ResponseWriter, r *http.Request, w *world, token string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	kill, after := w.failpoints.arrive("astro")
	if kill && !after {
		w.killAt("astro", "before")
		panic(http.ErrAbortHandler)
	}
	attempt := w.writes.begin(token, processOf(r), body)
	attempt.journal = w.departures.journal()
	attempt.id = g.mark(r)
	answer := &tee{ResponseWriter: rw, status: http.StatusOK, before: func(status int, _ []byte) { attempt.status = status }}
	if kill {
		answer = &tee{ResponseWriter: discard{}, status: http.StatusOK, before: func(int, []byte) {}}
		defer panic(http.ErrAbortHandler)
		defer w.killAt("astro", "after")
	}
	defer func() {
		attempt.entry = entryOf(w.sim.Audit(), attempt.id)
		w.judgeWrite(attempt)
		w.writes.finish(attempt)
	}()
	w.sim.ServeHTTP(answer, r)
}

// entryOf finds in the audit what a write of the operator came to; nil if it had no effect at all.
func entryOf(audit []astrosim.RoleWrite, requestID string) *astrosim.RoleWrite {
	i := slices.IndexFunc(audit, func(e astrosim.RoleWrite) bool { return e.RequestID == requestID })
	if i < 0 {
		return nil
	}
	return &audit[i]
}

// discard takes an answer that nobody is to get.
type discard struct{}

// Header implements http.ResponseWriter.
func (discard) Header() http.Header { return http.Header{} }

// WriteHeader implements http.ResponseWriter.
func (discard) WriteHeader(int) {}

// Write implements http.ResponseWriter.
func (discard) Write(p []byte) (int, error) { return len(p), nil }
