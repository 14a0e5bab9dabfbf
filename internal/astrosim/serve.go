package astrosim

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// call is one request on its way through the simulated Astro.
type call struct {
	endpoint        Endpoint
	handle          func(*Sim, *call) (answer, *apiError)
	method, path    string
	org, id, bearer string
	query           url.Values
	beta            bool     // v1beta1
	allow           []string // the methods of the path, if it does not have this one
	contentType     string
	body            []byte
	organization    *organization
	caller          *token
	faults          appliedFaults
	requestID       string
}

// maxBody bounds what is read of a request.
const maxBody = 8 << 20

// ServeHTTP answers the API under /v1 and the two bases of v1beta1, and the administration under /_sim.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == adminPath || strings.HasPrefix(r.URL.Path, adminPath+"/") {
		s.admin().ServeHTTP(w, r)
		return
	}
	if r.Method == http.MethodConnect {
		s.connect(w, r)
		return
	}
	s.underWay.Add(1)
	defer s.underWay.Add(-1)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "request body too large", http.StatusRequestEntityTooLarge) // or the client went away
		return
	}
	c := &call{method: r.Method, path: r.URL.Path, query: r.URL.Query(), body: body}
	c.bearer, _ = strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	c.contentType, c.requestID = r.Header.Get("Content-Type"), r.Header.Get("X-Request-ID")
	c.route(r)

	half := s.halfLatency()
	s.pause(r.Context(), half)
	a, header := s.process(c)
	s.pause(r.Context(), half+c.faults.delay)
	s.send(w, r, c, a, header)
}

func (s *Sim) halfLatency() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latency / 2
}

// pause waits, but no longer than the client or the simulator.
func (s *Sim) pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-s.done:
	}
}

// process decides and does what the call asks for, all in one moment.
func (s *Sim) process(c *call) (answer, http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id := s.newRequestID(); c.requestID == "" {
		c.requestID = id
	}
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	refused := s.authenticate(c)
	if refused == nil && !s.allowed(c) {
		return s.throttled(header)
	}
	c.faults = s.armFaults(c)
	if f := c.faults.instead; f != nil {
		return s.faulty(c, f, header)
	}
	if refused == nil {
		refused = s.enter(c, header)
	}
	var a answer
	if refused == nil {
		a, refused = c.handle(s, c)
	}
	if refused != nil {
		a = c.refused(refused)
	}
	return a, header
}

func (c *call) refused(e *apiError) answer {
	e.RequestID = c.requestID
	return answer{e.StatusCode, mustMarshal(e)}
}

// authenticate finds the token that calls.
func (s *Sim) authenticate(c *call) *apiError {
	if c.bearer == "" {
		return refuse(http.StatusUnauthorized, "Unauthorized: no bearer token")
	}
	t := s.state.tokens[s.state.credentials[c.bearer]]
	if t == nil {
		return refuse(http.StatusUnauthorized, "Unauthorized: the API token is invalid or was revoked")
	}
	c.caller = t
	now := s.now()
	if t.expired(now) {
		return refuse(s.behaviour.ExpiredCredential.status(), "Unauthorized: the API token has expired")
	}
	t.used = &now
	return nil
}

// enter finds the Organization and holds the caller to its own.
func (s *Sim) enter(c *call, header http.Header) *apiError {
	if len(c.allow) > 0 {
		header.Set("Allow", strings.Join(c.allow, ", "))
		return refuse(http.StatusMethodNotAllowed, "%s is not allowed for %s", c.method, c.path)
	}
	if c.handle == nil {
		return refuse(http.StatusNotFound, "no such route: %s %s", c.method, c.path)
	}
	if c.endpoint == OrganizationsList {
		return nil
	}
	c.organization = s.state.orgByID[c.org]
	if c.organization != c.caller.org {
		if s.behaviour.ForeignOrganization == NotFound {
			return notFound("organization", c.org)
		}
		return forbidden()
	}
	return nil
}

func (c Choice) status() int {
	switch c {
	case NotFound, Reject404:
		return http.StatusNotFound
	case Forbidden, Reject403:
		return http.StatusForbidden
	case Unauthorized:
		return http.StatusUnauthorized
	default:
		return http.StatusBadRequest
	}
}

// send writes the answer, or as much of it as a fault lets through, and counts it.
func (s *Sim) send(w http.ResponseWriter, r *http.Request, c *call, a answer, header http.Header) {
	if a.status == http.StatusNoContent {
		header.Del("Content-Type")
	}
	s.record.record(r, c, a, header)
	if f := c.faults.cut; f != nil {
		s.count(c, 0, 0)
		s.cut(w, r, f, a)
		return
	}
	s.count(c, a.status, len(a.body))
	maps.Copy(w.Header(), header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a client that went away is its own affair
}
