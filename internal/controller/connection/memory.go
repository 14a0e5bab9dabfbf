package connection

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

// memory is what the controller remembers of a connection from one reconcile to the next. The work queue sees to it that
// one reconcile at a time has it, and only Reconcile puts anything into it: the phases take values and return values.
type memory struct {
	uid       types.UID
	proof     proof
	listing   listing
	trust     trustRequest
	ready     bool
	deletion  deletion
	finalizer *fault.Fault // Kubernetes refuses the finalizer

	announced *Handle // as the other controllers were last told
}

// memories are the memories of all connections of a kind.
type memories struct {
	mu  sync.Mutex
	all map[Key]*memory
}

func (ms *memories) entry(k Key) *memory {
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

// firstFault is what is wrong with the connection now, the first thing first.
func (m *memory) firstFault() *fault.Fault {
	if m.finalizer != nil {
		return m.finalizer
	}
	if f := m.proof.firstFault(); f != nil {
		return f
	}
	return m.listing.fault
}

// updateReady decides whether the connection is ready. A transient fault leaves that as it was.
func (m *memory) updateReady() bool {
	f := m.firstFault()
	switch {
	case f == nil:
		return m.proof.access != nil
	case f.Transient:
		return m.ready
	default:
		return false
	}
}

// wake is how long from now until there is something to do.
func (m *memory) wake(now time.Time) time.Duration {
	var at time.Time
	switch {
	case m.proof.unusable != nil:
		at = now.Add(spread(m.proof.patience(m.listing.interval)))
	case !m.proof.countsAt.IsZero() && (m.proof.refusal != nil || m.proof.countsAt.Before(m.listing.dueAt)):
		at = m.proof.countsAt
	case m.proof.refusal != nil:
		at = m.proof.retryAt
	default:
		at = m.listing.dueAt
	}
	if expiry, expires := m.proof.expiresAfter(now); expires {
		at = earliest(at, expiry)
	}
	if !m.trust.countsAt.IsZero() {
		at = earliest(at, m.trust.countsAt)
	}
	return max(at.Sub(now), time.Millisecond)
}
