package stories

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// watchGate stands between the operator and the API server. It can do to watches what a restart of the API server does:
// they end, nobody is answered for a while, and where a watch would go on it is told that its version is too old.
type watchGate struct {
	mu      sync.Mutex
	shut    bool
	only    string // if not empty, only watches of this resource are shut out
	opened  *sync.Cond
	watches map[*http.Request]context.CancelFunc
	expired bool // watches that would go on have to list anew
	refused int  // so many
}

// gated is a world whose operator talks to the API server through a gate.
func gated(ctx context.Context) (*world, *watchGate) {
	GinkgoHelper()
	w := emptyWorld(ctx)
	g := &watchGate{watches: map[*http.Request]context.CancelFunc{}}
	g.opened = sync.NewCond(&g.mu)
	transport, err := rest.TransportFor(w.admin)
	Expect(err).NotTo(HaveOccurred())
	to, _, err := rest.DefaultServerUrlFor(w.admin)
	Expect(err).NotTo(HaveOccurred())
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: to.Scheme, Host: to.Host})
	proxy.Transport, proxy.FlushInterval = transport, -1
	proxy.ErrorHandler = func(rw http.ResponseWriter, _ *http.Request, _ error) { rw.WriteHeader(http.StatusBadGateway) }
	server := httptest.NewServer(g.serve(proxy))
	DeferCleanup(server.CloseClientConnections)
	w.admin = &rest.Config{Host: server.URL, QPS: -1}
	w.start()
	w.connect(w.namespace)
	return w, g
}

func (g *watchGate) serve(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		if !g.enter(r, cancel) {
			expired(rw)
			return
		}
		defer g.leave(r)
		defer func() { _ = recover() }() // the proxy panics where a stream is cut
		next.ServeHTTP(rw, r.WithContext(ctx))
	})
}

// enter waits until the gate is open, and says whether the request may pass.
func (g *watchGate) enter(r *http.Request, cut context.CancelFunc) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := r.URL.Query()
	watches := q.Get("watch") != ""
	for g.shut && (g.only == "" || watches && g.shutsOut(r)) {
		g.opened.Wait()
	}
	if !watches {
		return true
	}
	if g.expired && q.Get("sendInitialEvents") != "true" && q.Get("resourceVersion") != "" && q.Get("resourceVersion") != "0" {
		g.refused++
		return false
	}
	g.watches[r] = cut
	return true
}

// shutsOut reports whether a watch is one of those that are shut out.
func (g *watchGate) shutsOut(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/"+g.only) }

func (g *watchGate) leave(r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.watches, r)
}

// expired is the API server's answer to a watch from a version that it does not know any more.
func expired(rw http.ResponseWriter) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(http.StatusGone)
	_ = json.NewEncoder(rw).Encode(metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure,
		Reason: metav1.StatusReasonExpired, Code: http.StatusGone, Message: "too old resource version",
	})
}

// gap lets something happen that no watch shows, and waits until the operator has listed everything anew.
func (g *watchGate) gap(w *world, meanwhile func()) {
	GinkgoHelper()
	g.turn(true, true)
	time.Sleep(200 * time.Millisecond) // what was under way has been answered
	meanwhile()
	g.turn(false, true)
	Eventually(func() int {
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.refused
	}).Should(BeNumerically(">", 0), "a watch has been told that its version is too old")
	Eventually(w.informed).Should(BeTrue(), "the operator has listed anew")
	g.turn(false, false)
	w.waitIdle()
}

// deaf is a gap of the watch of bindings alone, in which the operator goes on.
func (g *watchGate) deaf(w *world, meanwhile func()) {
	GinkgoHelper()
	g.mu.Lock()
	g.only = "scopedtokenbindings"
	g.mu.Unlock()
	g.gap(w, meanwhile)
}

// behind lets something happen while the watch of one resource has not come back yet, and all others have.
func (g *watchGate) behind(resource string, meanwhile func()) {
	GinkgoHelper()
	g.mu.Lock()
	g.shut, g.only = true, resource
	for r, cut := range g.watches {
		if g.shutsOut(r) {
			cut()
		}
	}
	g.mu.Unlock()
	defer g.turn(false, false)
	Eventually(func() (left int) {
		g.mu.Lock()
		defer g.mu.Unlock()
		for r := range g.watches {
			if g.shutsOut(r) {
				left++
			}
		}
		return left
	}).Should(BeZero(), "no watch shows %s", resource)
	meanwhile()
}

// turn shuts or opens the gate, and ends every watch where it is shut.
func (g *watchGate) turn(shut, expired bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut, g.expired = shut, expired
	if shut {
		for _, cut := range g.watches {
			cut()
		}
		return
	}
	g.opened.Broadcast()
}
