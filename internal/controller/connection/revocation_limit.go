package connection

import (
	"sync"
	"time"
)

// revocationLimits are the revocation limits of all connections.
type revocationLimits struct {
	clock func() time.Time

	mu  sync.Mutex
	all map[Key]*revocationLimit
}

// revocationLimit counts what is revoked through one connection. Once more is asked for than the limit allows it stays paused, so
// that a prune which nobody meant takes that many roles and not, a few at a time, all of them.
type revocationLimit struct {
	max      int // 0: none
	interval time.Duration
	lifted   time.Time // the limit does not count until then

	revoked map[string]time.Time // what was let through in the last interval, and when
	paused  bool
	asked   time.Time // when somebody was last turned away
}

// pauseAtLeast is how long a limit stays paused although nobody is seen to wait: who was turned away may not have said so yet.
const pauseAtLeast = 10 * time.Second

func newRevocationLimits() revocationLimits {
	return revocationLimits{clock: time.Now, all: map[Key]*revocationLimit{}}
}

// admitAll reports whether all of the grants may be revoked, and has counted them if so; and whether it pauses what is to
// be revoked from now on.
func (ls *revocationLimits) admitAll(k Key, grants []string) (ok, pausedNow bool) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.all[k]
	if l == nil {
		return true, false
	}
	return l.ask(grants, ls.clock())
}

func (l *revocationLimit) ask(grants []string, now time.Time) (ok, pausedNow bool) {
	if !l.counts(now) {
		return true, false
	}
	if !l.paused {
		if l.take(grants, now) {
			return true, false
		}
		l.paused, pausedNow = true, true
	}
	l.asked = now
	return false, pausedNow
}

func (l *revocationLimit) counts(now time.Time) bool { return l.max > 0 && !now.Before(l.lifted) }

// take counts what is not counted yet, if there is room for all of it.
func (l *revocationLimit) take(grants []string, now time.Time) bool {
	for grant, at := range l.revoked {
		if now.Sub(at) >= l.interval {
			delete(l.revoked, grant)
		}
	}
	more := map[string]time.Time{}
	for _, grant := range grants {
		if _, counted := l.revoked[grant]; !counted {
			more[grant] = now
		}
	}
	if len(l.revoked)+len(more) > l.max {
		return false
	}
	for grant := range more {
		l.revoked[grant] = now
	}
	return true
}

// adjust carries the connection's limit over. A limit that this process has not seen before is paused if the status says that
// it was.
func (ls *revocationLimits) adjust(k Key, limit int, interval time.Duration, lifted time.Time, wasPaused bool) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.all[k]
	if l == nil {
		l = &revocationLimit{revoked: map[string]time.Time{}, paused: wasPaused, asked: ls.clock()}
		ls.all[k] = l
	}
	l.max, l.interval, l.lifted = limit, interval, lifted
}

// resume ends the pause if the limit does not count now, or if nobody waits any more; it reports whether revocations are
// paused, and whether the pause has just ended.
func (ls *revocationLimits) resume(k Key, waiting int) (paused, resumed bool) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l, now := ls.all[k], ls.clock()
	if l == nil || !l.paused {
		return false, false
	}
	if l.counts(now) && (waiting > 0 || now.Sub(l.asked) < pauseAtLeast) {
		return true, false
	}
	l.paused, l.revoked = false, map[string]time.Time{}
	return false, true
}

func (ls *revocationLimits) isPaused(k Key) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return ls.all[k] != nil && ls.all[k].paused
}

func (ls *revocationLimits) drop(k Key) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	delete(ls.all, k)
}
