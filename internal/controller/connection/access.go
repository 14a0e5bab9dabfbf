package connection

import (
	"net/http"
	"sync/atomic"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// access is how Astro is reached with a credential that was proven.
type access struct {
	print        fingerprint
	identity     astro.Identity
	organization astro.Organization
	limits       v1alpha1.RateLimit
	bearer       *bearer
	client       *astro.Client
	directory    *astro.Directory
}

// bearer gives every request the credential of the moment, so that a client, and the directory that works with it,
// outlive a rotation of their token's secret.
type bearer struct {
	next   http.RoundTripper
	host   string
	secret atomic.Pointer[string]
}

func newBearer(next http.RoundTripper, host, secret string) *bearer {
	b := &bearer{next: next, host: host}
	b.secret.Store(&secret)
	return b
}

// RoundTrip implements http.RoundTripper. A request that carries no credential, or goes to another host, gets none.
func (b *bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != b.host || req.Header.Get("Authorization") == "" {
		return b.next.RoundTrip(req)
	}
	with := req.Clone(req.Context())
	with.Header.Set("Authorization", "Bearer "+*b.secret.Load())
	return b.next.RoundTrip(with)
}

// probe is a client for a credential that is not proven. What it claims to be may be a lie, so it gets a budget of the
// connection's own, and none that another connection shares.
func (r *reconciler) probe(key Key, c v1alpha1.Connection, m *memory, o offer) *astro.Client {
	return r.client(c, o.secret, r.budget(m.host, unproven(key), key, c.ConnectionSpec().RateLimit), r.Transport)
}

func unproven(key Key) string { return "unproven:" + key.String() }

// admit makes a proven credential the one that the connection works with. A rotated secret of the same token keeps the
// client and the directory.
func (r *reconciler) admit(key Key, c v1alpha1.Connection, m *memory, o offer, org astro.Organization) {
	before := m.access
	if before != nil && before.identity.TokenID == o.identity.TokenID {
		before.bearer.secret.Store(&o.secret)
		next := *before
		next.print, next.identity, next.organization = o.print, o.identity, org
		m.access = &next
		return
	}
	if before != nil {
		r.Budgets.Drop(m.host, before.identity.TokenID, key.String())
	}
	b := newBearer(r.Transport, m.host, o.secret)
	m.access = &access{print: o.print, identity: o.identity, organization: org, bearer: b}
	m.access.client = r.client(c, o.secret, r.limiter(key, c, m), b)
	m.access.directory = astro.NewDirectory(m.access.client, astro.DirectoryOptions{SelfID: o.identity.TokenID, Clock: r.Clock})
	m.dueSweep()
}

// limiter is the budget that the connection shares with every other of the same credential.
func (r *reconciler) limiter(key Key, c v1alpha1.Connection, m *memory) *astro.Limiter {
	m.access.limits = c.ConnectionSpec().RateLimit
	return r.budget(m.host, m.access.identity.TokenID, key, m.access.limits)
}

func (r *reconciler) budget(host, tokenID string, key Key, limits v1alpha1.RateLimit) *astro.Limiter {
	return r.Budgets.For(host, tokenID, key.String(), float64(limits.ReadsPerSecond), float64(limits.WritesPerSecond))
}

// limit carries an edited rate limit into the shared budget.
func (r *reconciler) limit(key Key, c v1alpha1.Connection, m *memory) {
	if m.access != nil && m.access.limits != c.ConnectionSpec().RateLimit {
		r.limiter(key, c, m)
	}
}

func (r *reconciler) client(c v1alpha1.Connection, secret string, limiter *astro.Limiter, transport http.RoundTripper) *astro.Client {
	return astro.NewClient(astro.Options{
		BaseURL:      c.ConnectionSpec().APIURL,
		Organization: string(c.ConnectionSpec().OrganizationID),
		Credential:   secret,
		Limiter:      limiter,
		UserAgent:    r.UserAgent,
		Transport:    transport,
		Observe:      observe,
	})
}
