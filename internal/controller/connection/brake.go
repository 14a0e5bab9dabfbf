package connection

import (
	"sync"
	"time"
)

// brakes are the revocation limits of all connections.
type brakes struct {
	clock func() time.Time

	mu  sync.Mutex
	all map[Key]*brake
}

// brake counts what is revoked through one connection. Once more is asked for than the limit allows it stays shut, so
// that a prune which nobody meant takes that many roles and not, a few at a time, all of them.
type brake struct {
	limit    int // 0: none
	interval time.Duration
	lifted   time.Time // the limit does not count until then

	revoked map[string]time.Time // what was let through in the last interval, and when
	shut    bool
	asked   time.Time // when somebody was last turned away
}

// patience is how long a brake stays shut although nobody is seen to wait: who was turned away may not have said so yet.
const patience = 10 * time.Second

// MayRevoke reports whether roles may be revoked through the connection now. It is asked right before the write that
// removes them, and has counted them if it says yes. Each is named by its token and target in any way that is always the
// same, so that what is tried again counts once. All of them may be revoked, or none.
func (r *Registry) MayRevoke(k Key, grants ...string) bool {
	ok, shutNow := r.brakes.ask(k, grants)
	if shutNow {
		r.unauthorized[k.Kind].put(k) // the status has to tell, and to keep it
	}
	return ok
}

func (bs *brakes) ask(k Key, grants []string) (ok, shutNow bool) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	b := bs.all[k]
	if b == nil {
		return true, false
	}
	return b.ask(grants, bs.clock())
}

func (b *brake) ask(grants []string, now time.Time) (ok, shutNow bool) {
	if !b.counts(now) {
		return true, false
	}
	if !b.shut {
		if b.take(grants, now) {
			return true, false
		}
		b.shut, shutNow = true, true
	}
	b.asked = now
	return false, shutNow
}

func (b *brake) counts(now time.Time) bool { return b.limit > 0 && !now.Before(b.lifted) }

// take counts what is not counted yet, if there is room for all of it.
func (b *brake) take(grants []string, now time.Time) bool {
	for grant, at := range b.revoked {
		if now.Sub(at) >= b.interval {
			delete(b.revoked, grant)
		}
	}
	more := map[string]time.Time{}
	for _, grant := range grants {
		if _, counted := b.revoked[grant]; !counted {
			more[grant] = now
		}
	}
	if len(b.revoked)+len(more) > b.limit {
		return false
	}
	for grant := range more {
		b.revoked[grant] = now
	}
	return true
}

// set carries the connection's limit over. A brake that this process has not seen before is shut if the status says that
// it was.
func (bs *brakes) set(k Key, limit int, interval time.Duration, lifted time.Time, wasShut bool) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	b := bs.all[k]
	if b == nil {
		b = &brake{revoked: map[string]time.Time{}, shut: wasShut, asked: bs.clock()}
		bs.all[k] = b
	}
	b.limit, b.interval, b.lifted = limit, interval, lifted
}

// release opens the brake if the limit does not count now, or if nobody waits any more; it reports whether the brake is
// shut, and whether it has just been opened.
func (bs *brakes) release(k Key, waiting int) (shut, opened bool) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	b, now := bs.all[k], bs.clock()
	if b == nil || !b.shut {
		return false, false
	}
	if b.counts(now) && (waiting > 0 || now.Sub(b.asked) < patience) {
		return true, false
	}
	b.shut, b.revoked = false, map[string]time.Time{}
	return false, true
}

func (bs *brakes) isShut(k Key) bool {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	return bs.all[k] != nil && bs.all[k].shut
}

func (bs *brakes) forget(k Key) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	delete(bs.all, k)
}
