package admission

import (
	"cmp"
	"time"
)

// patience is how long a key waits at most for its objects to come to rest while others could be called.
const patience = time.Second

// Rank is what is known of a key when it begins to wait. An edit that comes later counts as well.
type Rank struct {
	Urgent     bool     // a user waits for it
	Namespaces []string // whose objects it is for; if it is urgent, those in which a user waits
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
	namespace string    // of those that wait for it, the one that was served longest ago
	turn      int       // when that was
	shared    int       // when the one was that was served last, if it is not urgent
	quiet     time.Time // since when nobody has edited its objects, or, if it has been patient for long enough, since it waits
	order     int
}

// first is who is called next: what a user waits for before the rest; the namespace that was served longest ago, and of several that wait
// for one key, the one whose turn comes first; and then the key whose objects have been left alone for longest, because most of what is
// still to arrive for it has arrived. For whom of several a key that is not urgent has to be worked on is not known. So such a key goes
// after those that its namespace has alone: else whoever binds what is another's would have his edits served in the other's turn.
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
	c := candidate{urgent: w.Urgent, quiet: w.since, order: w.order}
	of, more := w.Namespaces, []string(nil)
	if e, edited := l.edits[key]; edited {
		c.urgent, c.quiet = c.urgent || e.urgent, e.at
		of, more = w.with(e)
	}
	c.namespace, c.turn, c.shared = q.turnOf(of, more)
	if c.urgent {
		c.shared = 0
	}
	if now.Sub(w.since) >= patience && c.quiet.After(w.since) {
		c.quiet = w.since
	}
	return c
}

// with are the namespaces that wait for a key which was edited as well, or those of them for which it is urgent.
func (r Rank) with(e edit) (of, more []string) {
	switch {
	case r.Urgent && !e.urgent:
		return r.Namespaces, nil
	case e.urgent && !r.Urgent:
		return e.namespaces, nil
	default:
		return r.Namespaces, e.namespaces
	}
}

// turnOf is the namespace that was served longest ago, when that was, and when the one was that was served last. Nobody's key counts as
// that of a namespace without a name.
func (q *queue[K]) turnOf(of, more []string) (first string, turn, last int) {
	found := false
	for _, some := range [][]string{of, more} {
		for _, namespace := range some {
			at := q.turns[namespace]
			if !found || at < turn {
				first, turn = namespace, at
			}
			found, last = true, max(last, at)
		}
	}
	if !found {
		return "", q.turns[""], 0
	}
	return first, turn, last
}

// compare is negative if c goes first.
func (c candidate) compare(o candidate) int {
	return cmp.Or(
		before(c.urgent, o.urgent),
		cmp.Compare(c.turn, o.turn),
		cmp.Compare(c.shared, o.shared),
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
