package connection

import (
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

func TestPaced(t *testing.T) {
	now := time.Now()
	if l := (listing{}).paced(time.Hour, now); !l.dueAt.IsZero() || l.interval != time.Hour {
		t.Errorf("what is due stays due: %+v", l)
	}
	later := listing{interval: time.Hour, dueAt: now.Add(time.Hour)}
	if l := later.paced(time.Hour, now); l != later {
		t.Errorf("the same interval changes nothing: %+v", l)
	}
	if l := later.paced(time.Minute, now); !about(l.dueAt.Sub(now), time.Minute) {
		t.Errorf("a shorter interval counts from now: %s", l.dueAt.Sub(now))
	}
	if l := later.paced(2*time.Hour, now); l.dueAt != later.dueAt {
		t.Errorf("a longer one puts nothing off: %s", l.dueAt.Sub(now))
	}
	if l := later.due(); !l.dueAt.IsZero() {
		t.Errorf("what is due is due now: %+v", l)
	}
}

func TestListFault(t *testing.T) {
	cases := map[string]struct {
		reason               string
		found                astro.Sweep
		err                  error
		want                 string
		transient, needsUser bool
	}{
		"Trusted":    {reason: "A listing that shows all is well.", found: astro.Sweep{Trusted: true}},
		"Untrusted":  {reason: "One that lacks something passes.", want: v1alpha1.ReasonListIncomplete, transient: true},
		"Lasting":    {reason: "Unless it lacks it again and again.", found: astro.Sweep{Lasting: true}, want: v1alpha1.ReasonListIncomplete, transient: true, needsUser: true},
		"Forbidden":  {reason: "A credential that may not list is of no use.", err: astro.ErrForbidden, want: v1alpha1.ReasonPermissionDenied},
		"Throttled":  {reason: "Being asked to slow down passes.", err: astro.ErrThrottled, want: v1alpha1.ReasonRateLimited, transient: true},
		"Incomplete": {reason: "So does a listing that broke off.", err: astro.ErrIncomplete, want: v1alpha1.ReasonListIncomplete, transient: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := listFault("list the tokens of the Organization", tc.found, tc.err)
			if f == nil {
				f = &fault.Fault{}
			}
			if f.Reason != tc.want || f.Transient != tc.transient || f.NeedsUser != tc.needsUser {
				t.Errorf("%s\ngot %+v", tc.reason, f)
			}
		})
	}
}
