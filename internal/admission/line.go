package admission

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// throttledPlaces is how many keys are worked on with a credential while Astro slows it down.
	throttledPlaces = 2
	// writersAhead is how many keys of a credential may prepare a write while the rate limit has no slot for it yet. More
	// would fix what is written earlier than needed; fewer would leave slots unused while finalizers are added: of a cold start of
	// 1,000 tokens one in six with four, next to none with eight.
	writersAhead = 8
)

// Way is a credential through which a key may be worked on.
type Way[C comparable] struct {
	Credential C
	Throttled  func() bool // whether Astro slows the credential down
}

// WakeUp is a key that is called: it has a place, and is to be worked on from the start.
type WakeUp[K comparable] struct {
	Key    K
	Urgent bool          // a user waits for it
	Waited time.Duration // how long it was in line
}

// Line is the line of every credential.
type Line[K, C comparable] struct {
	mu     sync.Mutex
	places int
	clock  func() time.Time
	queues map[C]*queue[K]
	placed map[K]place[C]
	waits  map[K]C    // in whose queue a key waits
	edits  map[K]edit // keys for which a user waits
	joined int        // keys that ever began to wait, for their order
}

// place is where a key is worked on, or is to be once it is begun with.
type place[C comparable] struct {
	credential C
	promised   bool
}

// queue is who works with one credential, and who waits for it.
type queue[K comparable] struct {
	throttled func() bool
	working   int            // keys that have a place
	writers   map[K]struct{} // those among them that prepare a write
	waiting   map[K]waiter
	turns     map[string]int // by namespace, when it was last served; only of those that wait or were served meanwhile
	served    int
}

// edit is what a user did to a key's objects.
type edit struct {
	namespaces []string // of those who wait for it; of whoever edited last, if nobody may
	at         time.Time
	last       string // the namespace that edited last
	begun      int    // how many of them edited before the key was last begun with
	urgent     bool   // a user waits for it, and may
	fresh      bool   // since the key was last begun with
}

// NewLine makes a line with so many places a credential. The clock tells how long nobody has edited a key's objects.
func NewLine[K, C comparable](places int, clock func() time.Time) *Line[K, C] {
	return &Line[K, C]{
		places: places, clock: clock,
		queues: map[C]*queue[K]{}, placed: map[K]place[C]{}, waits: map[K]C{}, edits: map[K]edit{},
	}
}

// Edited notes that a user in the namespace has changed something for which the key is worked on. It is urgent unless the
// namespace has edited more than its share.
func (l *Line[K, C]) Edited(key K, namespace string, urgent bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := edit{namespaces: []string{namespace}, last: namespace, at: l.clock(), urgent: urgent, fresh: true}
	if old := l.edits[key]; old.urgent { // whoever waits for the key by right does so still
		next.namespaces, next.begun, next.urgent = old.namespaces, old.begun, true
		if urgent && !slices.Contains(old.namespaces[old.begun:], namespace) {
			next.namespaces = append(slices.Clone(old.namespaces), namespace)
		}
	}
	l.edits[key] = next
}

// Begin reports whether the key may be worked on. One that waits may not: it is called when it is its turn.
func (l *Line[K, C]) Begin(key K) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, waits := l.waits[key]; waits {
		return false
	}
	if e, edited := l.edits[key]; edited {
		e.fresh, e.begun = false, len(e.namespaces)
		l.edits[key] = e
	}
	if at, promised := l.placed[key]; promised {
		at.promised = false
		l.placed[key] = at
	}
	return true
}

// Served notes that the key was worked on to its end. An edit that came since it was begun with is still to be served.
func (l *Line[K, C]) Served(key K) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.edits[key]
	if !e.fresh {
		delete(l.edits, key)
		return
	}
	if e.namespaces, e.begun = e.namespaces[e.begun:], 0; len(e.namespaces) == 0 { // who may be urgent was served
		e.namespaces, e.urgent = []string{e.last}, false
	}
	l.edits[key] = e
}

// Enter takes a place for the key with one of the credentials: one that is not throttled, if there is one, because the key does not
// wait for the others, and one that has a place left, rather than the first. A place that the key has is kept, whichever it is: what
// it was called for may show later. A key that finds none waits, and is to be left alone until it is called. Without a credential
// there is nothing to wait for.
func (l *Line[K, C]) Enter(key K, through []Way[C], r Rank) (entered bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, has := l.placed[key]; has || len(through) == 0 {
		return true
	}
	way := slices.MinFunc(through, func(a, b Way[C]) int {
		return cmp.Or(before(!a.Throttled(), !b.Throttled()), before(l.hasRoom(a), l.hasRoom(b)))
	})
	q := l.queue(way)
	if q.working >= l.limit(q) {
		l.wait(key, way.Credential, waiter{Rank: r})
		return false
	}
	l.place(key, way.Credential, false)
	return true
}

// Write gives the key leave to prepare a write with the credential. One that does not get it gives its place back, waits,
// and is to be left alone until it is called.
func (l *Line[K, C]) Write(key K, through Way[C], r Rank) (granted bool, woken []WakeUp[K]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.queue(through)
	at, placed := l.placed[key]
	here := placed && at.credential == through.Credential
	if _, has := q.writers[key]; has && here {
		return true, nil
	}
	if here && len(q.writers) < writersAhead && !q.writerWaits() {
		q.writers[key] = struct{}{}
		return true, nil
	}
	l.wait(key, through.Credential, waiter{Rank: r, toWrite: true})
	woken = l.leave(key)
	return false, append(woken, l.callNext(through.Credential)...)
}

// Slot notes that the key has its slot of the rate limit: the next may prepare a write.
func (l *Line[K, C]) Slot(key K) []WakeUp[K] {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, has := l.placed[key]
	if !has {
		return nil
	}
	delete(l.queues[at.credential].writers, key)
	return l.callNext(at.credential)
}

// Leave gives the key's place back, once nobody works on it any more. One that it was promised meanwhile it keeps.
func (l *Line[K, C]) Leave(key K) []WakeUp[K] {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.placed[key].promised {
		return nil
	}
	return l.leave(key)
}

// Next are up to n of the keys that wait for a credential, in the order in which they are called as things stand.
func (l *Line[K, C]) Next(c C, n int) (keys []K) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q, known := l.queues[c]
	if !known {
		return nil
	}
	foreseen := *q
	foreseen.waiting, foreseen.turns = maps.Clone(q.waiting), maps.Clone(q.turns)
	for len(keys) < n {
		key, best, found := l.first(&foreseen)
		if !found {
			break
		}
		foreseen.take(key, best)
		keys = append(keys, key)
	}
	return keys
}

// Waiting counts the keys that wait for a credential.
func (l *Line[K, C]) Waiting(c C) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if q, known := l.queues[c]; known {
		return len(q.waiting)
	}
	return 0
}

func (l *Line[K, C]) queue(w Way[C]) *queue[K] {
	q, known := l.queues[w.Credential]
	if !known {
		q = &queue[K]{writers: map[K]struct{}{}, waiting: map[K]waiter{}, turns: map[string]int{}}
		l.queues[w.Credential] = q
	}
	q.throttled = w.Throttled
	return q
}

func (l *Line[K, C]) limit(q *queue[K]) int {
	if q.throttled() {
		return min(throttledPlaces, l.places)
	}
	return l.places
}

func (l *Line[K, C]) place(key K, c C, promised bool) {
	l.queues[c].working++
	l.placed[key] = place[C]{c, promised}
}

func (l *Line[K, C]) leave(key K) []WakeUp[K] {
	at, has := l.placed[key]
	if !has {
		return nil
	}
	q := l.queues[at.credential]
	q.working--
	delete(q.writers, key)
	delete(l.placed, key)
	return l.callNext(at.credential)
}

// wait puts the key into the queue of the credential.
func (l *Line[K, C]) wait(key K, c C, w waiter) {
	l.joined++
	w.since, w.order = l.clock(), l.joined
	l.queues[c].waiting[key] = w
	l.waits[key] = c
}

// take takes the key that is called out of the queue, which is its namespace's turn.
func (q *queue[K]) take(key K, as candidate) waiter {
	w := q.waiting[key]
	delete(q.waiting, key)
	q.served++
	q.turns[as.namespace] = q.served
	return w
}

// callNext promises what is free to those who are first in the queue, and drops a queue that nobody needs.
func (l *Line[K, C]) callNext(c C) (woken []WakeUp[K]) {
	q, known := l.queues[c]
	for known && q.working < l.limit(q) {
		key, best, found := l.first(q)
		if !found {
			break
		}
		w := q.take(key, best)
		delete(l.waits, key)
		l.place(key, c, true)
		if w.toWrite {
			q.writers[key] = struct{}{}
		}
		woken = append(woken, WakeUp[K]{Key: key, Urgent: best.urgent, Waited: l.clock().Sub(w.since)})
	}
	if known && len(q.waiting) == 0 {
		clear(q.turns)
		if q.working == 0 {
			delete(l.queues, c)
		}
	}
	return woken
}
