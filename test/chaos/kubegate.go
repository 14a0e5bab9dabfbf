package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// kubeGate is the line between the operator and the API server. It sees every side effect on its way, stops the
// operator at failpoints, and fails as lines and API servers do.
type kubeGate struct {
	upstream  *url.URL
	transport http.RoundTripper
	proxy     *httputil.ReverseProxy
	server    *http.Server
	address   string

	mu      sync.Mutex
	world   *world
	down    bool
	trouble []*apiTrouble
	watches map[*http.Request]context.CancelFunc
	watched map[string]bool // every path that the operator has watched in this schedule
	gap     *gap
	tooOld  bool // a watch of bindings that was cut by a gap cannot be resumed
}

// apiTrouble is a failure of the next calls of the operator to the API server.
type apiTrouble struct {
	kind  string // error, conflict, slow
	left  int
	delay time.Duration
}

func newKubeGate(config *rest.Config) (*kubeGate, error) {
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, err
	}
	upstream, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	g := &kubeGate{upstream: upstream, transport: transport, watches: map[*http.Request]context.CancelFunc{}}
	g.proxy = &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(upstream); r.Out.Host = upstream.Host },
		Transport:     transport,
		FlushInterval: -1,
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g.address = listener.Addr().String()
	g.server = &http.Server{Handler: g, ErrorLog: quiet, ConnContext: g.stamp}
	go func() { _ = g.server.Serve(listener) }()
	return g, nil
}

// stamp marks a connection with the process that ran when it was made.
func (g *kubeGate) stamp(ctx context.Context, _ net.Conn) context.Context {
	g.mu.Lock()
	w := g.world
	g.mu.Unlock()
	return withProcess(ctx, w)
}

// attach makes the gate that of a schedule.
func (g *kubeGate) attach(w *world) {
	g.closeGap()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.world, g.down, g.trouble, g.watched, g.tooOld = w, false, nil, map[string]bool{}, false
}

// setUnreachable makes the API server unreachable for the operator, or reachable again.
func (g *kubeGate) setUnreachable(down bool) {
	g.mu.Lock()
	g.down = down
	g.mu.Unlock()
	if down {
		g.dropWatches()
	}
}

// dropWatches ends every watch of the operator.
func (g *kubeGate) dropWatches() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, cancel := range g.watches {
		cancel()
	}
}

// watching says whether the operator watches all that it has watched before: until then it knows nothing new.
func (g *kubeGate) watching() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	open := map[string]bool{}
	for r := range g.watches {
		open[r.URL.Path] = true
	}
	return len(open) == len(g.watched)
}

// addTrouble makes the next calls fail.
func (g *kubeGate) addTrouble(t *apiTrouble) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.trouble = append(g.trouble, t)
}

// clear ends all trouble.
func (g *kubeGate) clear() {
	g.setUnreachable(false)
	g.closeGap()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.trouble = nil
}

// next is the trouble that a call meets, nil for none.
func (g *kubeGate) next(write bool) *apiTrouble {
	for i, t := range g.trouble {
		if t.kind == "conflict" && !write {
			continue
		}
		t.left--
		if t.left <= 0 {
			g.trouble = append(g.trouble[:i:i], g.trouble[i+1:]...)
		}
		return t
	}
	return nil
}

// ServeHTTP implements http.Handler.
func (g *kubeGate) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	write := r.Method != http.MethodGet
	bindings := !write && allBindings(r.URL.Path)
	if bindings && !g.passGap(rw, r) {
		return
	}
	g.mu.Lock()
	w, down := g.world, g.down || g.world == nil
	watch := r.URL.Query().Get("watch") != ""
	var t *apiTrouble
	if !watch && !down {
		t = g.next(write)
	}
	if watch && !down {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		r = r.WithContext(ctx)
		g.watches[r] = cancel
		g.watched[r.URL.Path] = true
		defer func(r *http.Request) {
			g.mu.Lock()
			defer g.mu.Unlock()
			delete(g.watches, r)
		}(r)
	}
	g.mu.Unlock()
	if down {
		panic(http.ErrAbortHandler)
	}
	if t != nil && g.fail(rw, r, w, t) {
		return
	}
	switch {
	case write:
		g.effect(rw, r, w)
	case bindings && watch:
		process := processOf(r)
		g.proxy.ServeHTTP(&eventTee{ResponseWriter: rw, show: func(event apiwatch.EventType, b *v1alpha1.ScopedTokenBinding) {
			w.showBinding(process, event, b)
		}}, r)
	case bindings:
		g.list(rw, r, w)
	case !watch && strings.Contains(r.URL.Path, "/configmaps"):
		g.readJournal(rw, r, w)
	default:
		g.proxy.ServeHTTP(rw, r)
	}
}

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

// close ends the gate.
func (g *kubeGate) close() { _ = g.server.Close() }

// kubeconfig is what the operator is told of the API server.
func (g *kubeGate) kubeconfig() []byte {
	return []byte(strings.ReplaceAll(`apiVersion: v1
kind: Config
current-context: gate
clusters:
- name: gate
  cluster: {server: "http://ADDRESS"}
contexts:
- name: gate
  context: {cluster: gate}
`, "ADDRESS", g.address))
}
