package connection

import (
	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// access is how Astro is reached with a credential that was proven.
type access struct {
	identity     astro.Identity
	organization astro.Organization
	limits       v1alpha1.RateLimit
	client       *astro.Client
	directory    *astro.Directory
}

// probe is a client for a credential that is not proven. What it claims to be may be a lie, so it gets a budget of the
// connection's own, and none that another connection shares.
func (r *reconciler) probe(key Key, c v1alpha1.Connection, m *memory, o offer) *astro.Client {
	return r.client(c, o.secret, r.budget(m.host, unproven(key), key, c.ConnectionSpec().RateLimit), nil)
}

func unproven(key Key) string { return "unproven:" + key.String() }

// admit makes a proven credential the one that the connection works with. A rotated secret of the same token keeps the
// client and the directory.
func (r *reconciler) admit(key Key, c v1alpha1.Connection, m *memory, o offer, org astro.Organization) {
	if before := m.access; before != nil && before.identity.TokenID == o.identity.TokenID {
		next := *before
		next.identity, next.organization = o.identity, org
		m.access = &next
		r.reopen(key, next.client, func() { next.client.UseCredential(o.secret) })
		return
	}
	r.drop(key, m)
	m.access = &access{identity: o.identity, organization: org}
	m.access.client = r.client(c, o.secret, r.limiter(key, c, m), func() { r.Registry.ReportUnauthorized(key) })
	m.access.directory = astro.NewDirectory(m.access.client, astro.DirectoryOptions{
		SelfID: o.identity.TokenID, Clock: r.Clock, OwnRoles: ownRoles(c, o.identity.TokenID), Bound: r.bound(key, string(c.ConnectionSpec().OrganizationID)),
	})
	m.dueSweep()
}

// ownRoles are the roles of the credential as the status has kept them; nil for another credential.
func ownRoles(c v1alpha1.Connection, tokenID string) []string {
	if s := c.ConnectionStatus(); s.CredentialTokenID == tokenID {
		return s.CredentialRoles
	}
	return nil
}

// drop gives the budget of the present credential back.
func (r *reconciler) drop(key Key, m *memory) {
	if m.access != nil {
		r.Budgets.Drop(m.host, m.access.identity.TokenID, key.String())
	}
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

func (r *reconciler) client(c v1alpha1.Connection, secret string, limiter *astro.Limiter, refused func()) *astro.Client {
	return astro.NewClient(astro.Options{
		BaseURL:      c.ConnectionSpec().APIURL,
		Organization: string(c.ConnectionSpec().OrganizationID),
		Credential:   secret,
		Limiter:      limiter,
		UserAgent:    r.UserAgent,
		Observe:      observe,
		Refused:      refused,
		Fence:        r.Fence,
	})
}
