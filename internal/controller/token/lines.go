package token

import (
	"slices"
	"sync"

	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
)

// throttledPlaces is how many workers a connection may keep busy while Astro slows its credential down.
const throttledPlaces = 2

// lines keep the tokens of one connection from taking all workers. Each connection has so many places; a token that
// finds none waits in line, outside of the work queue and without a worker, until a token before it is done. What is
// declared meanwhile is there when its turn comes.
type lines struct {
	mu     sync.Mutex
	places int
	all    map[connection.Key]*line
	held   map[TokenKey]connection.Key // the place that a token has, or is promised
	count  int                         // of those who ever came, for their order
}

// gate is the way to a line.
type gate struct {
	key       connection.Key
	throttled func() bool
}

// line is the places of one connection, and who waits for one.
type line struct {
	throttled func() bool
	taken     int
	waiting   map[TokenKey]rank
}

func newLines(places int) *lines {
	return &lines{places: places, all: map[connection.Key]*line{}, held: map[TokenKey]connection.Key{}}
}

// enter takes a place in the line of one of the connections: of one that is throttled, if there is one, since that is
// the one to wait for. A place that the token has, or was promised, is kept if it is of that connection, or if none is
// known yet: which one it is shows once the token has its name. called are the tokens whose turn it is if it is not kept.
func (l *lines) enter(key TokenKey, through []gate, r rank) (entered bool, called []call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(through) == 0 {
		return true, nil
	}
	had, some := l.giveBack(key)
	if some {
		defer func() { called = l.callNext(had) }()
	}
	g := through[max(0, slices.IndexFunc(through, func(g gate) bool { return g.throttled() }))]
	at := l.of(g)
	if at.taken >= l.limit(at) {
		l.wait(at, key, r)
		return false, nil
	}
	delete(at.waiting, key)
	at.taken++
	l.held[key] = g.key
	return true, nil
}

// leave gives the token's place back, and returns the tokens whose turn it is now.
func (l *lines) leave(key TokenKey) []call {
	l.mu.Lock()
	defer l.mu.Unlock()
	if had, some := l.giveBack(key); some {
		return l.callNext(had)
	}
	return nil
}

func (l *lines) of(h gate) *line {
	at, ok := l.all[h.key]
	if !ok {
		at = &line{waiting: map[TokenKey]rank{}}
		l.all[h.key] = at
	}
	at.throttled = h.throttled
	return at
}

func (l *lines) limit(at *line) int {
	if at.throttled() {
		return min(throttledPlaces, l.places)
	}
	return l.places
}

func (l *lines) giveBack(key TokenKey) (connection.Key, bool) {
	c, some := l.held[key]
	if some {
		l.all[c].taken--
		delete(l.held, key)
	}
	return c, some
}

// wait puts the token into the line, at its old place if it waits there already and is no more urgent than it was.
func (l *lines) wait(at *line, key TokenKey, r rank) {
	for other, now := range at.waiting {
		if other != key && now.urgent == r.urgent && now.namespace == r.namespace {
			r.turn++
		}
	}
	l.count++
	r.order = l.count
	if old, waits := at.waiting[key]; !waits || r.compare(old) < 0 {
		at.waiting[key] = r
	}
}

// callNext promises the free places of a connection to those who are first in its line, and drops a line that nobody
// needs.
func (l *lines) callNext(c connection.Key) []call {
	var called []call
	at := l.all[c]
	for len(at.waiting) > 0 && at.taken < l.limit(at) {
		key, r := at.first()
		delete(at.waiting, key)
		if _, elsewhere := l.held[key]; elsewhere {
			continue // it is at work, or about to be, through another connection
		}
		at.taken++
		l.held[key] = c
		called = append(called, call{key: key, urgent: r.urgent})
	}
	if at.taken == 0 && len(at.waiting) == 0 {
		delete(l.all, c)
	}
	return called
}

// first is who goes next.
func (at *line) first() (TokenKey, rank) {
	var key TokenKey
	var best rank
	for k, r := range at.waiting {
		if best.order == 0 || r.compare(best) < 0 {
			key, best = k, r
		}
	}
	return key, best
}

// call is a token whose turn it is.
type call struct {
	key    TokenKey
	urgent bool
}
