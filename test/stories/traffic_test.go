package stories

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// cost is what something cost: the calls to Astro, and the writes to Kubernetes.
type cost struct {
	Pages   int // of listings of tokens
	Gets    int // of single tokens
	Writes  int // all calls that are not a GET
	Lookups int // of Workspaces, Deployments and roles
	Proofs  int // of credentials

	Kubernetes int // writes but events
	Events     int
}

// traffic is what the operators of a world have written to Kubernetes.
type traffic struct {
	mu     sync.Mutex
	writes []string // method and path
	events int

	underWay atomic.Int64 // requests, but watches, that are not answered yet
}

func (t *traffic) note(r *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if strings.Contains(r.URL.Path, "/events") {
		t.events++
		return
	}
	t.writes = append(t.writes, r.Method+" "+r.URL.Path)
}

func (t *traffic) counts() (writes, events int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.writes), t.events
}

// since are the writes after the first n.
func (t *traffic) since(n int) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.writes[n:]...)
}

// line is the connection of one operator to the API server.
type line struct {
	traffic *traffic
	cut     atomic.Bool
	allowed atomic.Int64 // so many writes for bindings pass before the line is cut, if limited
	limited atomic.Bool
	before  atomic.Pointer[func(*http.Request)] // called with every request to the API server before it leaves
}

var errCut = errors.New("the line to the API server is cut")

func (l *line) sever() { l.cut.Store(true) }

// severAfter lets n more writes to bindings and the journal pass and then cuts the line. A connection writes its status
// when it finds the time, and is not counted.
func (l *line) severAfter(n int64) {
	l.allowed.Store(n)
	l.limited.Store(true)
}

// refuses has the API server know no objects in the path that are to be written.
func (l *line) refuses(path string) {
	refuse := func(r *http.Request) {
		if r.Method != http.MethodGet && strings.Contains(r.URL.Path, path) {
			r.URL.Path = "/refused"
		}
	}
	l.before.Store(&refuse)
}

func (l *line) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		write := r.Method != http.MethodGet && (strings.Contains(r.URL.Path, "/scopedtokenbindings/") || strings.Contains(r.URL.Path, "/configmaps"))
		if write && l.limited.Load() && l.allowed.Add(-1) < 0 {
			l.sever()
		}
		if l.cut.Load() {
			return nil, errCut
		}
		if before := l.before.Load(); before != nil {
			(*before)(r)
		}
		if r.Method != http.MethodGet {
			l.traffic.note(r)
		}
		if r.URL.Query().Get("watch") == "" {
			l.traffic.underWay.Add(1)
			defer l.traffic.underWay.Add(-1)
		}
		return next.RoundTrip(r)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// total is the cost of everything so far.
func (w *world) total() cost {
	c := w.sim.Counts()
	of := func(endpoints ...astrosim.Endpoint) (n int) {
		for _, e := range endpoints {
			n += c.ByEndpoint[e]
		}
		return n
	}
	kubernetes, events := w.traffic.counts()
	return cost{
		Pages: of(astrosim.TokensList), Gets: of(astrosim.TokensGet), Writes: c.Writes(), Proofs: of(astrosim.OrganizationGet),
		Lookups:    of(astrosim.WorkspacesList, astrosim.WorkspacesGet, astrosim.DeploymentsList, astrosim.DeploymentsGet, astrosim.RolesList, astrosim.RolesGet),
		Kubernetes: kubernetes, Events: events,
	}
}

func (c cost) minus(o cost) cost {
	return cost{
		c.Pages - o.Pages, c.Gets - o.Gets, c.Writes - o.Writes, c.Lookups - o.Lookups, c.Proofs - o.Proofs,
		c.Kubernetes - o.Kubernetes, c.Events - o.Events,
	}
}

// costOf lets everything settle, does what it is given, lets everything settle again and says what that cost.
func (w *world) costOf(do func()) cost {
	GinkgoHelper()
	w.waitIdle()
	w.written()
	before := w.total()
	do()
	w.waitIdle()
	spent := w.total().minus(before)
	GinkgoWriter.Printf("writes to Kubernetes: %q\n", w.traffic.since(before.Kubernetes))
	return spent
}

// written waits until the journal holds nothing that a status says as well: it is cleared a moment later.
func (w *world) written() {
	GinkgoHelper()
	for began := time.Now(); strings.Contains(w.journal(), `"uid"`) && time.Since(began) < 5*time.Second; {
		time.Sleep(50 * time.Millisecond)
	}
}

func (w *world) pages() int { return w.total().Pages }
