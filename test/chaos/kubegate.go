package main

import (
	"context"
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
