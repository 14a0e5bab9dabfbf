package connection

import (
	"context"
	"fmt"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// prove sees to it that the credential in the Secret is proven for the Organization, by its claims and by a GET of the
// Organization. Astro is asked once about each credential; about one that it refused, once a sweep interval.
func (r *reconciler) prove(ctx context.Context, key Key, c v1alpha1.Connection, m *memory) error {
	if m.host, m.unusable = judgeHost(c.ConnectionSpec().APIURL, r.AllowedHosts); m.unusable != nil {
		return nil
	}
	r.limit(key, c, m)
	o, wrong, err := r.offered(ctx, c)
	if err != nil {
		return err
	}
	suspect := m.access != nil && r.Registry.credentials.refused(key, m.access.client)
	if m.unusable = wrong; wrong != nil {
		m.missed++
		return r.reprove(ctx, key, m, suspect)
	}
	m.missed = 0
	if suspect && m.refusal == nil {
		m.distrust(r.Clock())
	}
	if !m.mustAsk(o, suspect, r) {
		return nil
	}
	org, err := r.probe(key, c, m, o).GetOrganization(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.judge(key, c, m, o, org, err)
	return nil
}

// mustAsk reports whether Astro has to be asked about the credential.
func (m *memory) mustAsk(o offer, suspect bool, r *reconciler) bool {
	switch {
	case o.print != m.judged, m.asked:
		return true
	case m.refusal != nil:
		return !r.Clock().Before(m.retryAt)
	default:
		return suspect
	}
}

// judge takes in Astro's answer about a credential.
func (r *reconciler) judge(key Key, c v1alpha1.Connection, m *memory, o offer, org astro.Organization, err error) {
	if o.print != m.judged {
		m.failures = 0
		m.trust.replaced = m.trust.replaced || m.judged != fingerprint{} // the first after a start is no other one
	}
	m.judged, m.refusal = o.print, refusal(c, o, org, err)
	if m.refusal != nil {
		// What was asked for is still to be made, but at the pace of every retry.
		m.retryAt, m.asked = m.again(m.refusal, r.Clock()), false
		return
	}
	r.admit(key, c, m, o, org)
	m.trust.pass(m.access)
	m.failures, m.asked = 0, false
}

func refusal(c v1alpha1.Connection, o offer, org astro.Organization, err error) *fault {
	declared := string(c.ConnectionSpec().OrganizationID)
	switch {
	case err != nil && isNotFound(err):
		return newFault(v1alpha1.ReasonOrganizationMismatch,
			"%s: Astro shows API token %s no Organization %s; check spec.organizationId and the token", o.from, o.identity.TokenID, declared)
	case err != nil:
		return fromAstroError(fmt.Sprintf("%s: prove API token %s for Organization %s", o.from, o.identity.TokenID, declared), err)
	case org.ID != declared:
		return newFault(v1alpha1.ReasonOrganizationMismatch,
			"Astro answered for Organization %q when asked for %s; check spec.apiURL and spec.organizationId", org.ID, declared)
	default:
		return nil
	}
}

// distrust takes note that Astro refused the credential of a connection that had proven it. The first time it is proven
// again at once. Where that does not help, because Astro takes the proof and refuses other calls, proofs come further
// and further apart: each opens the way for calls that are refused again.
func (m *memory) distrust(now time.Time) {
	if now.Sub(m.distrustedAt) > 2*m.interval {
		m.distrusts = 0
	}
	m.distrustedAt = now
	if m.distrusts++; m.distrusts == 1 {
		return
	}
	m.refusal = newFault(v1alpha1.ReasonCredentialRejected,
		"Astro refuses API token %s now and then, although it proves it for the Organization: %v; "+
			"the operator tries again by itself; if it lasts, put another API token in the Secret",
		m.access.identity.TokenID, m.access.client.Refusal())
	m.refusal.transient = true
	m.refusal.gist = fmt.Sprint("refused now and then: ", m.access.identity.TokenID)
	m.retryAt = now.Add(m.spread(min(m.interval, firstRetry<<min(m.distrusts-2, 10))))
}

// reprove tries the last proven credential again, which is all there is to revoke with while the Secret holds none that
// could be used, once a sweep interval. Whoever waits for it is told.
func (r *reconciler) reprove(ctx context.Context, key Key, m *memory, suspect bool) error {
	if !suspect || r.Clock().Before(m.retryAt) {
		return nil
	}
	m.retryAt = r.Clock().Add(m.spread(m.interval))
	r.reopen(key, m.access.client, func() {
		_, _ = m.access.client.Prove(ctx) // what is wrong with the connection is that its Secret cannot be used
	})
	return ctx.Err()
}

// reopen does what may make a client work again, and has everything looked at if it does: what was to be put right
// meanwhile may be of a binding that is Ready, and a sweep tells of a change only once.
func (r *reconciler) reopen(key Key, c *astro.Client, prove func()) {
	refused := c.Refusal() != nil
	prove()
	if refused && c.Refusal() == nil {
		r.Registry.credentials.awaitRefusal(key)
		r.Registry.subscribers.tell(Notice{Connection: key, All: true})
	}
}
