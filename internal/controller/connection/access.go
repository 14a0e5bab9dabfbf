package connection

import (
	"cmp"
	"encoding/hex"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// access is how Astro is reached with a credential that was proven. It is replaced, never changed.
type access struct {
	identity     astro.Identity
	organization astro.Organization
	limits       v1alpha1.RateLimit
	client       *astro.Client
	directory    *astro.Directory
}

// probe is a client for a credential that is not proven. What it claims to be may be a lie, so it gets a budget that only those
// share who have the very secret. done ends the use of it.
func (d *dependencies) probe(c v1alpha1.Connection, host string, o offer) (client *astro.Client, done func()) {
	user := "to prove " + KeyOf(c).String()
	limits := c.ConnectionSpec().RateLimit
	limiter := d.Budgets.For(host, unproven(o), user, float64(limits.ReadsPerSecond), float64(limits.WritesPerSecond))
	return d.newClient(c, o.secret, limiter, nil), func() { d.Budgets.Drop(host, unproven(o), user) }
}

func unproven(o offer) string { return "secret:" + hex.EncodeToString(o.digest[:]) }

// admit makes a proven credential the one that the connection works with. A rotated secret of the same token keeps the
// client and the directory.
func (d *dependencies) admit(c v1alpha1.Connection, host string, before *access, o offer, org astro.Organization) *access {
	d.Budgets.Join(host, unproven(o), o.identity.TokenID)
	if before.isOf(o) {
		next := *before
		next.identity, next.organization = o.identity, org
		d.reopen(KeyOf(c), next.client, func() { next.client.UseCredential(o.secret) })
		return &next
	}
	key, id := KeyOf(c), o.identity.TokenID
	d.giveUp(key, host, before)
	a := &access{identity: o.identity, organization: org, limits: c.ConnectionSpec().RateLimit}
	a.client = d.newClient(c, o.secret, d.budget(c, host, id), func() { d.Registry.ReportUnauthorized(key) })
	another := c.ConnectionStatus().CredentialRolesTokenID != id
	a.directory = astro.NewDirectory(a.client, astro.DirectoryOptions{
		SelfID: id, Clock: d.Clock, OwnRoles: c.ConnectionStatus().CredentialRoles, Successor: another,
		Bound: d.boundTokens(key, string(c.ConnectionSpec().OrganizationID)),
	})
	if another {
		a.directory.TrustRoles() // it may have other roles than the token before it
	}
	return a
}

// isOf reports whether the access is that of the offered credential's API token, whatever its secret.
func (a *access) isOf(o offer) bool { return a != nil && a.identity.TokenID == o.identity.TokenID }

// giveUp gives back the rate limit of the credential, and the memory of what it listed.
func (d *dependencies) giveUp(key Key, host string, a *access) {
	if a == nil {
		return
	}
	d.Budgets.Drop(host, a.identity.TokenID, key.String())
	if a.directory != nil {
		a.directory.Close()
	}
	listingMemory.Set(float64(d.Memory.Held()))
}

// budget is the rate limit of the API token, which the connection shares with every other that works with the token.
func (d *dependencies) budget(c v1alpha1.Connection, host, tokenID string) *astro.Limiter {
	limits := c.ConnectionSpec().RateLimit
	return d.Budgets.For(host, tokenID, KeyOf(c).String(), float64(limits.ReadsPerSecond), float64(limits.WritesPerSecond))
}

// relimit carries an edited rate limit into the shared budget.
func (d *dependencies) relimit(c v1alpha1.Connection, host string, a *access) *access {
	if a == nil || a.limits == c.ConnectionSpec().RateLimit {
		return a
	}
	next := *a
	next.limits = c.ConnectionSpec().RateLimit
	d.budget(c, host, next.identity.TokenID)
	return &next
}

// reopen does what may make a client work again, and has everything looked at if it does: what was to be put right
// meanwhile may be of a binding that is Ready, and a sweep tells of a change only once.
func (d *dependencies) reopen(key Key, c *astro.Client, try func()) {
	refused := c.Refusal() != nil
	try()
	if refused && c.Refusal() == nil {
		d.Registry.credentials.awaitRefusal(key)
		d.Registry.subscribers.tell(Notice{Connection: key, All: true})
	}
}

// partyOf is who answers for how long calls through a connection keep others waiting: the namespace of an AstroConnection, however many
// it has, and a ClusterAstroConnection by itself, because no tenant makes one.
func partyOf(c v1alpha1.Connection) string {
	return cmp.Or(c.GetNamespace(), KeyOf(c).String())
}

func (d *dependencies) newClient(c v1alpha1.Connection, secret string, limiter *astro.Limiter, refused func()) *astro.Client {
	return astro.NewClient(astro.Options{
		BaseURL:      c.ConnectionSpec().APIURL,
		Organization: string(c.ConnectionSpec().OrganizationID),
		Credential:   secret,
		Limiter:      limiter,
		UserAgent:    d.UserAgent,
		Party:        partyOf(c),
		Observe:      countRequest(KeyOf(c)),
		Failed:       logAnswer(KeyOf(c)),
		Refused:      refused,
		Fence:        d.Fence,
		Recency:      d.Recency,
		MaxListing:   d.MaxListing,
		Memory:       d.Memory.Of(c.GetNamespace()), // of a ClusterAstroConnection none, which is the operator's own
	})
}

// logAnswer writes down what was answered to a call that failed. Bindings tell the id of the request alone.
func logAnswer(key Key) func(error) {
	return func(err error) {
		log.Log.Info("Astro did not do what it was asked", "connection", key.String(), "answer", astro.InFull(err).Error())
	}
}
