package connection

import (
	"strings"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/quota"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

func TestMustAsk(t *testing.T) {
	now := time.Now()
	known, other, lasting := fingerprint{1}, fingerprint{2}, &fault.Fault{Reason: v1alpha1.ReasonCredentialRejected}
	cases := map[string]struct {
		reason  string
		proof   proof
		offered fingerprint
		suspect bool
		want    bool
	}{
		"Known":        {reason: "Of a credential that was proven, Astro is not asked again.", proof: proof{judged: known}, offered: known},
		"New":          {reason: "Another one is asked about at once.", proof: proof{judged: known}, offered: other, want: true},
		"NewRefused":   {reason: "Whatever became of the one before.", proof: proof{judged: known, refusal: lasting, retryAt: now.Add(time.Hour)}, offered: other, want: true},
		"Requested":    {reason: "Somebody asked for a look.", proof: proof{judged: known, asked: true}, offered: known, want: true},
		"Suspect":      {reason: "The client was refused.", proof: proof{judged: known}, offered: known, suspect: true, want: true},
		"Refused":      {reason: "A refused one waits for its time.", proof: proof{judged: known, refusal: lasting, retryAt: now.Add(time.Second)}, offered: known, suspect: true},
		"RefusedAgain": {reason: "Which comes.", proof: proof{judged: known, refusal: lasting, retryAt: now}, offered: known, want: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := tc.proof.mustAsk(offer{digest: tc.offered}, tc.suspect, now); got != tc.want {
				t.Errorf("%s\nmustAsk = %t", tc.reason, got)
			}
		})
	}
}

// TestReplacedCredentialsOfANamespaceHaveAShare: each is a call to Astro, with a budget of its own.
func TestReplacedCredentialsOfANamespaceHaveAShare(t *testing.T) {
	share, now := quota.New(proofsPerSecond, proofBurst), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	refusal := &fault.Fault{Reason: v1alpha1.ReasonCredentialRejected, Message: "Astro refuses it"}
	all := map[string]*proof{}
	puts := func(namespace, name string, secret byte, want bool) *proof {
		t.Helper()
		if all[namespace+name] == nil {
			all[namespace+name] = &proof{}
		}
		p := all[namespace+name]
		next, may := p.offeredAt(now, offer{digest: fingerprint{secret}}, namespace, share)
		if *p = next; may != want {
			t.Errorf("Astro may be asked about %d of %s/%s: %t", secret, namespace, name, may)
		}
		if may {
			p.judged = fingerprint{secret}
		}
		return p
	}
	puts("busy", "a", 100, true) // the first replaces none
	puts("busy", "b", 100, true)
	for i := range byte(proofBurst) {
		puts("busy", "a", i+1, true)
		puts("busy", "a", i+1, true) // the same counts once
	}
	p := puts("busy", "a", 10, false)
	puts("other", "a", 100, true)
	puts("other", "a", 1, true)
	puts("busy", "b", 1, false)
	m := &memory{proof: *p, listing: listing{interval: time.Hour, dueAt: now.Add(time.Hour)}}
	if wake := m.wake(now); wake != proofLater {
		t.Errorf("it is looked at again in %s", wake)
	}
	m.proof.refusal, m.proof.retryAt = refusal, now.Add(time.Second)
	if wake := m.wake(now.Add(2 * time.Second)); wake != proofLater-2*time.Second {
		t.Errorf("after the time at which the one before would be tried again it is looked at in %s", wake)
	}
	if f := m.proof.firstFault(); !strings.HasPrefix(f.Message, refusal.Message+"; another API token is in the Secret by now") || strings.Contains(refusal.Message, ";") {
		t.Errorf("said is %q", f.Message)
	}
	m.proof.unusable = refusal
	if wake := m.wake(now.Add(time.Minute)); wake < time.Second {
		t.Errorf("what is of no use is looked at again in %s", wake)
	}
	now = now.Add(proofLater / 2)
	puts("busy", "a", 11, false) // what replaces it waits no longer
	now = now.Add(proofLater / 2)
	puts("busy", "a", 12, true)
	puts("busy", "a", 13, false)
	all["busya"].asked = true
	puts("busy", "a", 14, true) // of these there is another share
}

func TestRefusedFor(t *testing.T) {
	now, transient := time.Now(), &fault.Fault{Reason: v1alpha1.ReasonUnreachable, Transient: true}
	p := proof{}.refusedFor(transient, time.Hour, now)
	if p.refusal != transient || p.failures != 1 || !about(p.retryAt.Sub(now), firstRetry) {
		t.Errorf("after a transient fault Astro is asked again soon: %+v in %s", p, p.retryAt.Sub(now))
	}
	if p = p.refusedFor(transient, time.Hour, now); p.failures != 2 || !about(p.retryAt.Sub(now), 2*firstRetry) {
		t.Errorf("and then later: %+v in %s", p, p.retryAt.Sub(now))
	}
	lasting := &fault.Fault{Reason: v1alpha1.ReasonPermissionDenied}
	if p = p.refusedFor(lasting, time.Hour, now); p.failures != 2 || !about(p.retryAt.Sub(now), time.Hour) {
		t.Errorf("after one that a user has to end, once a sweep interval: %+v in %s", p, p.retryAt.Sub(now))
	}
}

func TestPacedProof(t *testing.T) {
	now := time.Now()
	later := proof{retryAt: now.Add(time.Hour)}
	if p := later.paced(time.Hour, time.Hour, now); p.retryAt != later.retryAt {
		t.Errorf("the same interval changes nothing: %s", p.retryAt.Sub(now))
	}
	if p := later.paced(time.Hour, time.Minute, now); !about(p.retryAt.Sub(now), time.Minute) {
		t.Errorf("a shorter interval counts from now: %s", p.retryAt.Sub(now))
	}
	if p := later.paced(time.Hour, 2*time.Hour, now); p.retryAt != later.retryAt {
		t.Errorf("a longer one puts nothing off: %s", p.retryAt.Sub(now))
	}
	if p := (proof{}).paced(time.Hour, time.Minute, now); !p.retryAt.IsZero() {
		t.Errorf("what waits for nothing does not begin to: %s", p.retryAt)
	}
}

func TestRefusalOf(t *testing.T) {
	c := &v1alpha1.AstroConnection{Spec: v1alpha1.ConnectionSpec{OrganizationID: "clo"}}
	cases := map[string]struct {
		reason string
		org    astro.Organization
		err    error
		want   string // the reason of the fault
	}{
		"Proven":  {reason: "Astro shows the Organization.", org: astro.Organization{ID: "clo"}},
		"Other":   {reason: "Another one proves nothing.", org: astro.Organization{ID: "other"}, want: v1alpha1.ReasonOrganizationMismatch},
		"Unseen":  {reason: "Nor does one that the credential may not see.", err: astro.ErrNotFound, want: v1alpha1.ReasonOrganizationMismatch},
		"Refused": {reason: "A refused credential is.", err: astro.ErrUnauthorized, want: v1alpha1.ReasonCredentialRejected},
		"Down":    {reason: "An outage says nothing.", err: astro.ErrUnreachable, want: v1alpha1.ReasonUnreachable},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := ""
			if f := refusalOf(c, offer{}, tc.org, tc.err); f != nil {
				got = f.Reason
			}
			if got != tc.want {
				t.Errorf("%s\nwant %q, got %q", tc.reason, tc.want, got)
			}
		})
	}
}

// TestDistrust: a credential that Astro proves and refuses by turns is proven less and less often.
func TestDistrust(t *testing.T) {
	now, interval := time.Now(), time.Minute
	p := proof{access: &access{identity: astro.Identity{TokenID: "clt"}, client: astro.NewClient(astro.Options{})}}
	if p = p.distrusted(interval, now); p.refusal != nil {
		t.Errorf("the first time it is proven again at once: %+v", p.refusal)
	}
	if p = p.distrusted(interval, now); p.refusal == nil || !p.refusal.Transient || !about(p.retryAt.Sub(now), firstRetry) {
		t.Errorf("then in a while, and the connection stays ready: %+v in %s", p.refusal, p.retryAt.Sub(now))
	}
	if p = p.distrusted(interval, now); !about(p.retryAt.Sub(now), 2*firstRetry) {
		t.Errorf("and then in a longer one: %s", p.retryAt.Sub(now))
	}
	p.refusal = nil
	if p = p.distrusted(interval, now.Add(2*interval+time.Second)); p.refusal != nil {
		t.Errorf("after some time without, it is the first time again: %+v", p.refusal)
	}
}

// about reports whether a wait is the one that is meant, give or take the tenth by which waits differ.
func about(got, want time.Duration) bool {
	return float64(got) >= (1-jitter)*float64(want) && float64(got) <= (1+jitter)*float64(want)
}
