package connection

import (
	"math/rand/v2"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

const (
	// firstRetry is how long after a transient fault Astro is asked again; it doubles up to the sweep interval.
	firstRetry = 5 * time.Second
	// jitter is the share by which waits differ, so that connections do not sweep in step.
	jitter = 0.1
)

// memory is what the controller remembers of a connection from one reconcile to the next. The work queue sees to it that
// one reconcile at a time touches it.
type memory struct {
	uid      types.UID
	host     string
	interval time.Duration

	// access is the last credential that was proven, kept whatever becomes of its Secret.
	access *access
	// judged is the credential that Astro was asked about last, and refusal what it had against it.
	judged  fingerprint
	refusal *fault
	// unusable is why there is no credential that could be asked about.
	unusable *fault
	missed   int // looks in a row at a Secret that was of no use
	// unlisted is why the last sweep failed.
	unlisted *fault

	distrusts    int // how often Astro refused what it had accepted, since it last did not for a while
	distrustedAt time.Time

	retryAt, sweepAt time.Time
	failures         int // transient faults in a row
	ready            bool
	asked            bool // a look at Astro is asked for
	trust            trustRequest
	deletingSince    time.Time

	announced *Handle // as the other controllers were last told
	reported  *fault  // as status says it
}

// memories are the memories of all connections of a kind.
type memories struct {
	mu  sync.Mutex
	all map[Key]*memory
}

func (ms *memories) of(k Key) *memory {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if ms.all == nil {
		ms.all = map[Key]*memory{}
	}
	if ms.all[k] == nil {
		ms.all[k] = &memory{}
	}
	return ms.all[k]
}

func (ms *memories) forget(k Key) *memory {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	m := ms.all[k]
	delete(ms.all, k)
	return m
}

// read takes in what the connection says of the pace, and whether somebody asks for a look at Astro right now.
func (m *memory) read(c v1alpha1.Connection, now time.Time) {
	if interval := c.ConnectionSpec().SweepInterval.Duration; interval != m.interval {
		m.interval = interval
		if !m.sweepAt.IsZero() {
			m.sweepAt = earliest(m.sweepAt, now.Add(m.spread(interval)))
		}
	}
	if m.trust.read(c) {
		m.dueSweep()
		m.asked = true
	}
	if !c.GetDeletionTimestamp().IsZero() && m.deletingSince.IsZero() {
		m.deletingSince = now
	}
}

// wrong is what is wrong with the connection now, the first thing first.
func (m *memory) wrong() *fault {
	switch {
	case m.unusable != nil:
		return m.unusable
	case m.refusal != nil:
		return m.refusal
	default:
		return m.unlisted
	}
}

// updateReady decides whether the connection is ready. A transient fault leaves that as it was.
func (m *memory) updateReady() {
	if f := m.wrong(); f == nil {
		m.ready = m.access != nil
	} else if !f.transient {
		m.ready = false
	}
}

func (m *memory) dueSweep() { m.sweepAt = time.Time{} }

// again is when to try again what failed with the fault.
func (m *memory) again(f *fault, now time.Time) time.Time {
	if !f.transient {
		return now.Add(m.spread(m.interval))
	}
	backoff := min(m.interval, firstRetry<<min(m.failures, 10))
	m.failures++
	return now.Add(max(f.wait, m.spread(backoff)))
}

// spread is a duration that is up to a tenth shorter or longer.
func (m *memory) spread(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (1 + jitter*(2*rand.Float64()-1)))
}

// wake is how long from now until there is something to do.
func (m *memory) wake(now time.Time) time.Duration {
	var at time.Time
	switch {
	case m.unusable != nil:
		at = now.Add(m.spread(m.patience()))
	case m.refusal != nil:
		at = m.retryAt
	default:
		at = m.sweepAt
	}
	if m.access != nil && m.access.identity.ExpiresAt != nil && m.access.identity.ExpiresAt.After(now) {
		at = earliest(at, *m.access.identity.ExpiresAt)
	}
	return max(at.Sub(now), time.Millisecond)
}

// patience is how long to wait before the Secret is read again. Where Secrets are not watched, nobody tells that it came
// or that a RoleBinding did, and that is most likely soon after the connection was made.
func (m *memory) patience() time.Duration {
	if m.missed == 0 {
		return m.interval
	}
	return min(m.interval, firstRetry<<min(m.missed-1, 10))
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
