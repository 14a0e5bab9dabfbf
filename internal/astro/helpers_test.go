package astro

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// world is a small simulated Organization with a client of its owner's credential.
type world struct {
	*astrosim.Sim

	org, ws, dep, self, ci string
	client                 *Client
	wire                   *recorder
}

// newWorld serves over real HTTP, without rate limits unless the options have some.
func newWorld(t *testing.T, options astrosim.Options, more ...func(*Options)) *world {
	t.Helper()
	w := plant(astrosim.Serve(t, options))
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	w.connect(w.URL(), transport, more)
	return w
}

// newBubbleWorld serves from memory, so that time may be that of a synctest bubble.
func newBubbleWorld(options astrosim.Options, more ...func(*Options)) *world {
	w := plant(astrosim.New(options))
	w.connect("http://astro.invalid", inMemory{w.Sim}, more)
	return w
}

func plant(s *astrosim.Sim) *world {
	w := &world{Sim: s}
	w.org = s.AddOrganization("Acme")
	w.ws = s.AddWorkspace(w.org, "data")
	w.dep = s.AddDeployment(w.ws, "prod-etl")
	s.AddCustomRole(w.org, "Deploy Only", "DEPLOYMENT")
	s.AddCustomRole(w.org, "Dag Reader", "DAG")
	w.self = s.AddOrganizationToken(w.org, "operator", "ORGANIZATION_OWNER")
	w.ci = s.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
	return w
}

func (w *world) connect(url string, transport http.RoundTripper, more []func(*Options)) {
	w.wire = &recorder{next: transport}
	o := Options{BaseURL: url, Organization: w.org, Credential: w.Credential(w.self), Transport: w.wire, Limiter: unlimited()}
	for _, change := range more {
		change(&o)
	}
	w.client = NewClient(o)
}

func (w *world) directory(more ...func(*DirectoryOptions)) *Directory {
	o := DirectoryOptions{SelfID: w.self}
	for _, change := range more {
		change(&o)
	}
	return NewDirectory(w.client, o)
}

func unlimited() *Limiter { return newLimiter(systemClock{}, 1e6, 1e6) }

// quick is for tests that wait for a timeout in real time; all others keep timeouts that a busy machine does not reach.
func quick(o *Options) {
	o.ListTimeout, o.ReadTimeout, o.WriteTimeout = time.Second, time.Second, time.Second
}

// awaitFaults waits until faults of that kind have hit so many calls.
func (w *world) awaitFaults(kind astrosim.FaultKind, n int) {
	for w.Counts().Faults[kind] < n {
		time.Sleep(time.Millisecond)
	}
}

// outOfTime has something done until its deadline passes while Astro keeps a call hanging. A machine that is so busy that
// the call does not reach Astro before that is given more time.
func (w *world) outOfTime(t *testing.T, do func(context.Context) error) error {
	t.Helper()
	for wait := 100 * time.Millisecond; ; wait *= 2 {
		struck := w.Counts().Faults[astrosim.FaultHang]
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		err := do(ctx)
		cancel()
		if w.Counts().Faults[astrosim.FaultHang] > struck {
			return err
		}
	}
}

// recorder notes what is sent and when.
type recorder struct {
	next http.RoundTripper

	mu   sync.Mutex
	sent []sentRequest
}

type sentRequest struct {
	method, path, query string
	at, answered        time.Time
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	at := time.Now()
	resp, err := r.next.RoundTrip(req)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, sentRequest{req.Method, req.URL.Path, req.URL.RawQuery, at, time.Now()})
	return resp, err
}

func (r *recorder) requests() []sentRequest {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.sent)
}

func (r *recorder) count(method string) int {
	n := 0
	for _, s := range r.requests() {
		if s.method == method {
			n++
		}
	}
	return n
}

// inMemory answers without a network.
type inMemory struct{ http.Handler }

func (h inMemory) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	defer func() {
		if p := recover(); p == http.ErrAbortHandler { //nolint:errorlint // a panic is what it is
			err = errors.New("connection reset")
		} else if p != nil {
			panic(p)
		}
	}()
	w := httptest.NewRecorder()
	as := req.Clone(req.Context())
	if as.Body == nil {
		as.Body = http.NoBody
	}
	h.ServeHTTP(w, as)
	return w.Result(), req.Context().Err()
}

// stub is a client of a handler over real HTTP.
func stub(t *testing.T, handler http.HandlerFunc, more ...func(*Options)) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	o := Options{BaseURL: server.URL, Organization: "org", Credential: "secret-of-the-operator", Limiter: unlimited(), Transport: server.Client().Transport}
	for _, change := range more {
		change(&o)
	}
	return NewClient(o)
}

func add(r Role) func(Token) ([]Role, bool) {
	return func(t Token) ([]Role, bool) {
		if t.RoleOn(r.Key()) == r.Role {
			return nil, false
		}
		return append(slices.DeleteFunc(t.Roles, func(old Role) bool { return old.Key() == r.Key() }), r), true
	}
}

// countingTransport counts connections.
type countingTransport struct {
	*http.Transport

	dials int
}

func (c *countingTransport) watch() {
	var d net.Dialer
	c.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c.dials++
		return d.DialContext(ctx, network, addr)
	}
}

// All returns every token, the oldest first, and when their listing began.
func (d *Directory) All(ctx context.Context) ([]Token, time.Time, error) {
	if err := d.ensureListed(ctx); err != nil {
		return nil, time.Time{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.matching(func(Token) bool { return true }), d.listed, nil
}
