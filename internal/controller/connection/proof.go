package connection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/quota"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

// proof is what is known of a connection's credential. A look at it takes the proof before and returns the next.
type proof struct {
	host string
	// access is the last credential that was proven, kept whatever becomes of its Secret.
	access *access
	// judged is the credential that Astro was asked about last, and refusal what it had against it.
	judged   fingerprint
	refusal  *fault.Fault
	replaced bool // judged is another than the one before, and Astro has accepted none since
	asked    bool // a look at Astro was asked for, and is still to be made
	// countsAt is when a credential that was put into the Secret beyond the share of its namespace is asked about; zero if there is none.
	countsAt time.Time
	// unusable is why there is no credential that could be asked about.
	unusable *fault.Fault
	missed   int // looks in a row at a Secret that was of no use

	distrusts    int // how often Astro refused what it had accepted, since it last did not for a while
	distrustedAt time.Time
	failures     int // transient faults in a row
	retryAt      time.Time
}

const (
	// proofsPerSecond and proofBurst are the share of a namespace in proofs of credentials that replace another one.
	proofsPerSecond, proofBurst = 0.1, 5
	// proofLater is when Astro is asked about one beyond that, whichever is in the Secret by then.
	proofLater = 10 * time.Second
)

// paced takes an edited interval over: whatever waits for the next look waits no longer than the new interval.
func (p proof) paced(before, interval time.Duration, now time.Time) proof {
	if interval != before && !p.retryAt.IsZero() {
		p.retryAt = earliest(p.retryAt, now.Add(spread(interval)))
	}
	return p
}

// acceptance is what a look at the credential brought about.
type acceptance struct {
	proven   bool // Astro has just accepted the credential
	replaced bool // it is another one than before
	renewed  bool // and of another API token, of which nothing is listed yet
}

// firstFault is what is wrong with the credential.
func (p proof) firstFault() *fault.Fault {
	switch {
	case p.unusable != nil:
		return p.unusable
	case p.refusal != nil && !p.countsAt.IsZero():
		return p.refusal.With(fmt.Sprintf("; another API token is in the Secret by now: the operator tries it within %s, "+
			"because more than %d of this namespace came at once", proofLater, proofBurst))
	default:
		return p.refusal
	}
}

// offeredAt takes a credential in that the Secret holds now, and reports whether Astro may be asked about it. One that replaces another
// counts on the share of its namespace; the first of a connection, and one that somebody asks for a look at, do not.
func (p proof) offeredAt(now time.Time, o offer, namespace string, share *quota.Quota) (next proof, may bool) {
	switch {
	case o.digest == p.judged || p.judged == fingerprint{} || p.asked:
	case p.countsAt.IsZero():
		if !share.Take(namespace, now) {
			p.countsAt = now.Add(proofLater)
			return p, false
		}
	case now.Before(p.countsAt):
		return p, false
	default:
		_ = share.Take(namespace, now) // what has come back of the share meanwhile is for this one
	}
	p.countsAt = time.Time{}
	return p, true
}

// requested is the proof once somebody has asked for a look at Astro.
func (p proof) requested() proof {
	p.asked = true
	return p
}

// prove sees to it that the credential in the Secret is proven for the Organization, by its claims and by a GET of the
// Organization. Astro is asked once about each credential; about one that it refused, once a sweep interval. Of credentials that
// replace another one, a namespace has a share.
func (d *dependencies) prove(ctx context.Context, c v1alpha1.Connection, p proof, share *quota.Quota) (proof, acceptance, error) {
	if p.host, p.unusable = judgeHost(c.ConnectionSpec().APIURL, d.AllowedHosts); p.unusable != nil {
		return p, acceptance{}, nil
	}
	p.access = d.relimit(c, p.host, p.access)
	o, wrong := d.offered(ctx, c)
	if ctx.Err() != nil {
		return p, acceptance{}, ctx.Err()
	}
	suspect := p.access != nil && d.Registry.credentials.refused(KeyOf(c), p.access.client)
	if p.unusable = wrong; wrong != nil {
		p.missed++
		p, err := d.reprove(ctx, c, p, suspect)
		return p, acceptance{}, err
	}
	p.missed = 0
	var may bool
	if p, may = p.offeredAt(d.Clock(), o, c.GetNamespace(), share); !may {
		return p, acceptance{}, nil
	}
	if suspect && p.refusal == nil {
		p = p.distrusted(intervalOf(c), d.Clock())
	}
	if !p.mustAsk(o, suspect, d.Clock()) {
		return p, acceptance{}, nil
	}
	probe, done := d.probe(c, p.host, o)
	defer done()
	org, err := probe.GetOrganization(ctx)
	if ctx.Err() != nil {
		return p, acceptance{}, ctx.Err()
	}
	p, accepted := d.judge(c, p, o, org, err)
	return p, accepted, nil
}

func intervalOf(c v1alpha1.Connection) time.Duration {
	return c.ConnectionSpec().SweepInterval.Duration
}

// mustAsk reports whether Astro has to be asked about the credential.
func (p proof) mustAsk(o offer, suspect bool, now time.Time) bool {
	switch {
	case o.digest != p.judged, p.asked:
		return true
	case p.refusal != nil:
		return !now.Before(p.retryAt)
	default:
		return suspect
	}
}

// judge takes in Astro's answer about a credential.
func (d *dependencies) judge(c v1alpha1.Connection, p proof, o offer, org astro.Organization, err error) (proof, acceptance) {
	if o.digest != p.judged {
		p.failures = 0
		p.replaced = p.replaced || p.judged != fingerprint{} // the first after a start is no other one
	}
	p.judged = o.digest
	if f := refusalOf(c, o, org, err); f != nil {
		// What was asked for is still to be made, but at the pace of every retry.
		p.asked = false
		return p.refusedFor(f, intervalOf(c), d.Clock()), acceptance{}
	}
	accepted := acceptance{proven: true, replaced: p.replaced, renewed: !p.access.isOf(o)}
	p.access = d.admit(c, p.host, p.access, o, org)
	p.refusal, p.failures, p.asked, p.replaced = nil, 0, false, false
	return p, accepted
}

// refusedFor is the proof once Astro has refused the credential.
func (p proof) refusedFor(f *fault.Fault, interval time.Duration, now time.Time) proof {
	p.refusal, p.retryAt = f, now.Add(retryAfter(f, interval, p.failures))
	if f.Transient {
		p.failures++
	}
	return p
}

func refusalOf(c v1alpha1.Connection, o offer, org astro.Organization, err error) *fault.Fault {
	declared := string(c.ConnectionSpec().OrganizationID)
	switch {
	case errors.Is(err, astro.ErrNotFound):
		return notReady(v1alpha1.ReasonOrganizationMismatch,
			"%s: Astro shows API token %s no Organization %s; check spec.organizationId and the token", o.from, o.identity.TokenID, declared)
	case err != nil:
		return fromAstroError(fmt.Sprintf("%s: prove API token %s for Organization %s", o.from, o.identity.TokenID, declared), err)
	case org.ID != declared:
		return notReady(v1alpha1.ReasonOrganizationMismatch,
			"Astro answered for Organization %q when asked for %s; check spec.apiURL and spec.organizationId", org.ID, declared)
	default:
		return nil
	}
}

// distrusted is the proof once Astro has refused the credential of a connection that had proven it. The first time it is
// proven again at once. Where that does not help, because Astro takes the proof and refuses other calls, proofs come
// further and further apart: each opens the way for calls that are refused again.
func (p proof) distrusted(interval time.Duration, now time.Time) proof {
	if now.Sub(p.distrustedAt) > 2*interval {
		p.distrusts = 0
	}
	p.distrustedAt = now
	if p.distrusts++; p.distrusts == 1 {
		return p
	}
	p.refusal = transient(notReady(v1alpha1.ReasonCredentialRejected,
		"Astro refuses API token %s now and then, although it proves it for the Organization: %v; "+
			"the operator tries again by itself; if it lasts, put another API token in the Secret",
		p.access.identity.TokenID, p.access.client.Refusal()), false)
	p.retryAt = now.Add(spread(backoff(interval, p.distrusts-2)))
	return p
}

// reprove tries the last proven credential again, which is all there is to revoke with while the Secret holds none that
// could be used, once a sweep interval. Whoever waits for it is told.
func (d *dependencies) reprove(ctx context.Context, c v1alpha1.Connection, p proof, suspect bool) (proof, error) {
	if !suspect || d.Clock().Before(p.retryAt) {
		return p, nil
	}
	p.retryAt = d.Clock().Add(spread(intervalOf(c)))
	d.reopen(KeyOf(c), p.access.client, func() {
		_, _ = p.access.client.Prove(ctx) // what is wrong with the connection is that its Secret cannot be used
	})
	return p, ctx.Err()
}

// patience is how long to wait before the Secret is read again. Where Secrets are not watched, nobody tells that it came
// or that a RoleBinding did, and that is most likely soon after the connection was made.
func (p proof) patience(interval time.Duration) time.Duration {
	if p.missed == 0 {
		return interval
	}
	return backoff(interval, p.missed-1)
}

// expiresAfter is when the proven credential expires, if that is still to come.
func (p proof) expiresAfter(now time.Time) (at time.Time, expires bool) {
	if p.access == nil || p.access.identity.ExpiresAt == nil {
		return time.Time{}, false
	}
	return *p.access.identity.ExpiresAt, p.access.identity.ExpiresAt.After(now)
}
