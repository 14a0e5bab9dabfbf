package connection

import (
	"context"
	"fmt"

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
