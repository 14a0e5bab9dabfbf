package admission

import (
	"cmp"
	"slices"
	"sync"
)

// throttledSlots is how many workers a connection may keep busy while Astro slows its credential down.
const throttledSlots = 2

// Slots keep the tokens of one connection from taking all workers. Each connection has so many places; a token that
// finds none waits in line, outside of the work queue and without a worker, until a token before it is done. What is
// declared meanwhile is there when its turn comes.
type Slots[K, C comparable] struct {
	mu     sync.Mutex
	places int
	all    map[C]*line[K]
	held   map[K]C // the place that a token has, or is promised
	count  int     // of those who ever came, for their order
}

// Way is the way to a connection's slots.
type Way[C comparable] struct {
	Key       C
	Throttled func() bool
}

// line is the places of one connection, and who waits for one.
type line[K comparable] struct {
	throttled func() bool
	taken     int
	waiting   map[K]Rank
}

// NewSlots returns the slots of connections that have so many places each.
func NewSlots[K, C comparable](places int) *Slots[K, C] {
	return &Slots[K, C]{places: places, all: map[C]*line[K]{}, held: map[K]C{}}
}

// Acquire takes a place in the line of one of the connections: of one that is throttled, if there is one, since that is
// the one to wait for. A place that the token has, or was promised, is kept if it is of that connection, or if none is
// known yet: which one it is shows once the token has its name. woken are the tokens whose turn it is if it is not kept.
func (l *Slots[K, C]) Acquire(key K, through []Way[C], r Rank) (acquired bool, woken []WakeUp[K]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(through) == 0 {
		return true, nil
	}
	had, some := l.giveBack(key)
	if some {
		defer func() { woken = l.wakeNext(had) }()
	}
	g := through[max(0, slices.IndexFunc(through, func(g Way[C]) bool { return g.Throttled() }))]
	at := l.of(g)
	if at.taken >= l.limit(at) {
		l.wait(at, key, r)
		return false, nil
	}
	delete(at.waiting, key)
	at.taken++
	l.held[key] = g.Key
	return true, nil
}

// Leave gives the token's place back, and returns the tokens whose turn it is now.
func (l *Slots[K, C]) Leave(key K) []WakeUp[K] {
	l.mu.Lock()
	defer l.mu.Unlock()
	if had, some := l.giveBack(key); some {
		return l.wakeNext(had)
	}
	return nil
}

func (l *Slots[K, C]) of(h Way[C]) *line[K] {
	at, ok := l.all[h.Key]
	if !ok {
		at = &line[K]{waiting: map[K]Rank{}}
		l.all[h.Key] = at
	}
	at.throttled = h.Throttled
	return at
}

func (l *Slots[K, C]) limit(at *line[K]) int {
	if at.throttled() {
		return min(throttledSlots, l.places)
	}
	return l.places
}

func (l *Slots[K, C]) giveBack(key K) (C, bool) {
	c, some := l.held[key]
	if some {
		l.all[c].taken--
		delete(l.held, key)
	}
	return c, some
}

// wait puts the token into the line, at its old place if it waits there already and is no more urgent than it was.
func (l *Slots[K, C]) wait(at *line[K], key K, r Rank) {
	for other, now := range at.waiting {
		if other != key && now.Urgent == r.Urgent && now.Namespace == r.Namespace {
			r.turn++
		}
	}
	l.count++
	r.order = l.count
	if old, waits := at.waiting[key]; !waits || r.compare(old) < 0 {
		at.waiting[key] = r
	}
}

// wakeNext promises the free places of a connection to those who are first in its line, and drops a line that nobody
// needs.
func (l *Slots[K, C]) wakeNext(c C) []WakeUp[K] {
	var woken []WakeUp[K]
	at := l.all[c]
	for len(at.waiting) > 0 && at.taken < l.limit(at) {
		key, r := at.first()
		delete(at.waiting, key)
		if _, elsewhere := l.held[key]; elsewhere {
			continue // it is at work, or about to be, through another connection
		}
		at.taken++
		l.held[key] = c
		woken = append(woken, WakeUp[K]{Key: key, Urgent: r.Urgent})
	}
	if at.taken == 0 && len(at.waiting) == 0 {
		delete(l.all, c)
	}
	return woken
}

// first is who goes next.
func (at *line[K]) first() (K, Rank) {
	var key K
	var best Rank
	for k, r := range at.waiting {
		if best.order == 0 || r.compare(best) < 0 {
			key, best = k, r
		}
	}
	return key, best
}

// WakeUp is a token whose turn it is.
type WakeUp[K comparable] struct {
	Key    K
	Urgent bool // a user waits for it
}

// Rank is what a token's place in a line depends on.
type Rank struct {
	Urgent    bool   // a user waits for it
	Namespace string // whose edit it is

	turn  int // how many tokens waited already for an edit of that namespace
	order int // first come, first served among equals
}

func (r Rank) compare(o Rank) int {
	if r.Urgent != o.Urgent {
		if r.Urgent {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(r.turn, o.turn), cmp.Compare(r.order, o.order))
}
