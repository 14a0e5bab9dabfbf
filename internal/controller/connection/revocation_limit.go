package connection

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
)

// revocationLimits are the revocation limits of all connections.
type revocationLimits struct {
	clock func() time.Time

	mu  sync.Mutex
	all map[Key]*revocationLimit
}

// revocationLimit counts what is revoked through one connection. Once more is asked for than the limit allows it stays paused, so
// that a prune which nobody meant takes that many roles and not, a few at a time, all of them. Where several namespaces use the
// connection, each has half of the limit, and is paused by itself: what one of them deletes holds up nobody else.
type revocationLimit struct {
	max      int // 0: none
	interval time.Duration
	lifted   time.Time // the limit does not count until then
	users    int       // namespaces that hold roles through the connection

	revoked      map[string]revocation // what was let through in the last interval
	whole        pause
	parts        map[string]*pause // by namespace, while they are paused
	unattributed bool              // the pause does not say whose it is: it was read from a status, or came while one namespace was known
	earlier      bool              // it was read from a status, and nobody knows what was revoked before
}

// earlierPause is what statuses tell of a pause before this process.
type earlierPause struct {
	on      bool
	users   int      // namespaces that hold roles
	limited []string // namespaces with bindings that say that they wait for its end
}

// revocation is one that was let through.
type revocation struct {
	at        time.Time
	namespace string
}

// pause is that nothing more is revoked.
type pause struct {
	on    bool
	asked time.Time // when somebody was last turned away
}

// paused is for whom revocations are paused: for all, or for some namespaces.
type paused struct {
	all  bool
	of   []string
	idle bool // nobody is seen to wait for the end of one of the pauses
}

func (p paused) any() bool { return p.all || len(p.of) > 0 }

// pauseAtLeast is how long a limit stays paused although nobody is seen to wait: who was turned away may not have said so yet.
const pauseAtLeast = 10 * time.Second

func newRevocationLimits() revocationLimits {
	return revocationLimits{clock: time.Now, all: map[Key]*revocationLimit{}}
}

// admitAll reports whether all of the grants of a namespace may be revoked, and has counted them if so; and whether it pauses
// what is to be revoked from now on.
func (ls *revocationLimits) admitAll(k Key, namespace string, grants []string) (ok, pausedNow bool) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.all[k]
	if l == nil {
		return true, false
	}
	return l.ask(namespace, grants, ls.clock())
}

func (l *revocationLimit) ask(namespace string, grants []string, now time.Time) (ok, pausedNow bool) {
	if !l.counts(now) {
		return true, false
	}
	p := &l.whole
	if part := l.parts[namespace]; part != nil && !p.on {
		p = part
	}
	if !p.on {
		if p = l.take(namespace, grants, now); p == nil {
			return true, false
		}
		p.on, pausedNow = true, true
		l.unattributed = l.unattributed || p == &l.whole && l.users < 2
	}
	p.asked = now
	return false, pausedNow
}

func (l *revocationLimit) counts(now time.Time) bool { return l.max > 0 && !now.Before(l.lifted) }

// take counts what is not counted yet, if there is room for all of it. Else it returns what is to be paused.
func (l *revocationLimit) take(namespace string, grants []string, now time.Time) *pause {
	lost := map[string]int{}
	for grant, r := range l.revoked {
		if now.Sub(r.at) >= l.interval {
			delete(l.revoked, grant)
			continue
		}
		lost[r.namespace]++
	}
	more := map[string]revocation{}
	for _, grant := range grants {
		if _, counted := l.revoked[grant]; !counted {
			more[grant] = revocation{now, namespace}
		}
	}
	all, each := policy.RevocationLimit(l.max, l.users)
	if l.users > 1 && lost[namespace]+len(more) > each {
		l.parts[namespace] = &pause{}
		return l.parts[namespace]
	}
	total := len(more)
	for _, n := range lost {
		total += min(n, each) // what one lost while it was alone is not taken from the others
	}
	if total > all {
		return &l.whole
	}
	maps.Copy(l.revoked, more)
	return nil
}

// adjust carries the connection's limit over. A limit that this process has not seen before is paused if the status says that
// it was: for those who say that they wait, where several namespaces use the connection.
func (ls *revocationLimits) adjust(k Key, limit int, interval time.Duration, lifted time.Time, was earlierPause) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.all[k]
	if l == nil {
		l = &revocationLimit{revoked: map[string]revocation{}, parts: map[string]*pause{}}
		l.resumeEarlier(was, ls.clock())
		ls.all[k] = l
	}
	l.max, l.interval, l.lifted = limit, interval, lifted
}

func (l *revocationLimit) resumeEarlier(was earlierPause, now time.Time) {
	if !was.on {
		return
	}
	if l.users = was.users; was.users < 2 || len(was.limited) == 0 {
		l.whole, l.unattributed, l.earlier = pause{true, now}, true, true
		return
	}
	for _, namespace := range was.limited {
		l.parts[namespace] = &pause{true, now}
	}
}

func (ls *revocationLimits) knows(k Key) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return ls.all[k] != nil
}

// resume ends each pause if the limit does not count now, or if nobody waits any more; it reports for whom revocations are
// paused, and whether a pause has just ended. waiting counts who waits in each namespace, and users the namespaces that hold
// roles.
func (ls *revocationLimits) resume(k Key, waiting map[string]int, users int) (is paused, resumed bool) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l, now := ls.all[k], ls.clock()
	if l == nil {
		return paused{}, false
	}
	l.users = users
	l.part(waiting)
	over := func(waiting int, p *pause) bool {
		is.idle = is.idle || waiting == 0
		return !l.counts(now) || waiting == 0 && now.Sub(p.asked) >= pauseAtLeast
	}
	all := 0
	for namespace, n := range waiting {
		if l.parts[namespace] == nil { // else it waits for its own pause to end, and holds up nobody else
			all += n
		}
	}
	if l.whole.on && over(all, &l.whole) {
		l.whole, l.revoked, l.unattributed, l.earlier, resumed = pause{}, map[string]revocation{}, false, false, true
	}
	for namespace, p := range l.parts {
		if over(waiting[namespace], p) {
			delete(l.parts, namespace)
			maps.DeleteFunc(l.revoked, func(_ string, r revocation) bool { return r.namespace == namespace })
			resumed = true
		}
	}
	is.all, is.of = l.whole.on, slices.Sorted(maps.Keys(l.parts))
	return is, resumed
}

// part makes of a pause that says nobody's name one of each namespace in which somebody waits, and which did not just come while it
// was on. Of what these had revoked while they were alone, no more than their share counts from then on.
func (l *revocationLimit) part(waiting map[string]int) {
	if !l.unattributed || !l.whole.on || l.users < 2 || len(waiting) == 0 {
		return // until a binding reports that it waits
	}
	own := map[string]int{}
	_, share := policy.RevocationLimit(l.max, l.users)
	for grant, r := range l.revoked {
		if own[r.namespace]++; own[r.namespace] > share {
			delete(l.revoked, grant)
		}
	}
	for namespace, n := range waiting {
		if l.earlier || own[namespace]+n > share {
			l.parts[namespace] = &pause{on: true, asked: l.whole.asked}
		}
	}
	l.whole, l.unattributed, l.earlier = pause{}, false, false
}

func (ls *revocationLimits) isPaused(k Key) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.all[k]
	return l != nil && (l.whole.on || len(l.parts) > 0)
}

func (ls *revocationLimits) drop(k Key) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	delete(ls.all, k)
}
