package admission

import (
	"cmp"
	"slices"
	"time"
)

// patience is how long a key waits at most for its objects to come to rest while others could be called.
const patience = time.Second

// Rank is what is known of a key when it begins to wait. An edit that comes later counts as well.
type Rank struct {
	Urgent    bool   // a user waits for it
	Namespace string // whose objects it is for
}

// waiter is a key that waits.
type waiter struct {
	Rank

	toWrite bool // it waits for leave to write, else for a place
	since   time.Time
	order   int // first come, first served among equals
}

// candidate is a waiter as it is compared with others.
type candidate struct {
	urgent    bool
	namespace string
	turn      int       // when its namespace was last served
	quiet     time.Time // since when nobody has edited its objects, or, if it has been patient for long enough, since it waits
	order     int
}

// first is who is called next: what a user waits for before the rest, the namespace that was served longest ago (of several that wait
// for one key, the one whose turn comes first), and then
// the key whose objects have been left alone for longest, because most of what is still to arrive for it has arrived.
func (l *Line[K, C]) first(q *queue[K]) (first K, best candidate, found bool) {
	now := l.clock()
	for key, w := range q.waiting {
		if w.toWrite && len(q.writers) >= writersAhead {
			continue
		}
		if c := l.candidate(key, w, q, now); !found || c.compare(best) < 0 {
			first, best, found = key, c, true
		}
	}
	return first, best, found
}

func (l *Line[K, C]) candidate(key K, w waiter, q *queue[K], now time.Time) candidate {
	c := candidate{urgent: w.Urgent, namespace: w.Namespace, quiet: w.since, order: w.order}
	if e, edited := l.edits[key]; edited {
		c.urgent, c.quiet = c.urgent || e.urgent, e.at
		c.namespace = slices.MinFunc(e.namespaces, func(a, b string) int { return cmp.Compare(q.turns[a], q.turns[b]) })
	}
	c.turn = q.turns[c.namespace]
	if now.Sub(w.since) >= patience && c.quiet.After(w.since) {
		c.quiet = w.since
	}
	return c
}

// compare is negative if c goes first.
func (c candidate) compare(o candidate) int {
	return cmp.Or(
		before(c.urgent, o.urgent),
		cmp.Compare(c.turn, o.turn),
		c.quiet.Compare(o.quiet),
		cmp.Compare(c.order, o.order),
	)
}

// before puts what is true first.
func before(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	default:
		return 1
	}
}

// writerWaits reports whether somebody waits for leave to write.
func (q *queue[K]) writerWaits() bool {
	for _, w := range q.waiting {
		if w.toWrite {
			return true
		}
	}
	return false
}

// hasRoom reports whether a place is left.
func (l *Line[K, C]) hasRoom(w Way[C]) bool {
	q, known := l.queues[w.Credential]
	return !known || q.working < l.limit(q)
}
