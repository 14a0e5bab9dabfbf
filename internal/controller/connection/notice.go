package connection

import (
	"slices"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// Notice tells that something about a connection changed that others have to look at.
type Notice struct {
	// Connection that it is about.
	Connection Key
	// Tokens are the ids of tokens whose row in Astro differs from what was known.
	Tokens []string
	// Targets are the targets by id that moved, were renamed, vanished or came back.
	Targets []astro.TargetQuery
	// Namespaces came under a rule by their labels, or left it: what is in them has to be looked at, and nothing else.
	Namespaces []string
	// All says that everything has to be looked at: the connection became ready or ceased to be, its rules changed, or the sweep
	// was the first.
	All bool
	// Swept says that there was a listing, whatever it showed: who could not find something may look for it again.
	Swept bool
}

func (n Notice) connection() Key { return n.Connection }

// with is both notices in one.
func (n Notice) with(next Notice) Notice {
	if n.All || next.All {
		return Notice{Connection: n.Connection, All: true, Swept: n.Swept || next.Swept}
	}
	tokens := slices.Concat(n.Tokens, next.Tokens)
	slices.Sort(tokens)
	targets := slices.Concat(n.Targets, next.Targets)
	slices.SortFunc(targets, astro.TargetQuery.Compare)
	namespaces := slices.Concat(n.Namespaces, next.Namespaces)
	slices.Sort(namespaces)
	return Notice{
		Connection: n.Connection, Tokens: slices.Compact(tokens), Targets: slices.Compact(targets), Namespaces: slices.Compact(namespaces),
		Swept: n.Swept || next.Swept,
	}
}

func (n Notice) empty() bool {
	return len(n.Namespaces) == 0 && n.NamespacesAlone()
}

// NamespacesAlone reports whether there is nothing else than namespaces to look at.
func (n Notice) NamespacesAlone() bool {
	return !n.All && !n.Swept && len(n.Tokens) == 0 && len(n.Targets) == 0
}

// subscribers are told of notices. Those that are not read yet are folded together, and nobody waits for a slow reader.
type subscribers struct {
	mu   sync.RWMutex
	all  []*requeue[Notice]
	rows []*requeue[Notice] // those among them that are told of rows read or written by id as well
}

// join adds a subscriber.
func (s *subscribers) join(rows bool) <-chan event.TypedGenericEvent[Notice] {
	box := newRequeue(Notice.connection, Notice.with)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, box)
	if rows {
		s.rows = append(s.rows, box)
	}
	return box.out
}

// tell tells every subscriber.
func (s *subscribers) tell(n Notice) {
	if n.empty() {
		return
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, box := range s.all {
		box.put(n)
	}
}

// tellOfRow tells those who want to know of rows read or written by id.
func (s *subscribers) tellOfRow(n Notice) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, box := range s.rows {
		box.put(n)
	}
}

// requeue is a source of a controller's queue that never blocks who puts something in. What waits to be read is folded together, so that it
// holds at most one item for each connection, however slow the reader is.
type requeue[T any] struct {
	out  chan event.TypedGenericEvent[T]
	key  func(T) Key
	fold func(waiting, next T) T

	mu      sync.Mutex
	waiting []T
	busy    bool
}

func newRequeue[T any](key func(T) Key, fold func(waiting, next T) T) *requeue[T] {
	return &requeue[T]{out: make(chan event.TypedGenericEvent[T]), key: key, fold: fold}
}

// newKeyRequeue is a requeue of connections.
func newKeyRequeue() *requeue[Key] {
	return newRequeue(func(k Key) Key { return k }, func(_, k Key) Key { return k })
}

func (q *requeue[T]) put(item T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.add(item)
	if !q.busy {
		q.busy = true
		go q.deliver()
	}
}

func (q *requeue[T]) add(item T) {
	for i, w := range q.waiting {
		if q.key(w) == q.key(item) {
			q.waiting[i] = q.fold(w, item)
			return
		}
	}
	q.waiting = append(q.waiting, item)
}

// deliver runs while there is something to read.
func (q *requeue[T]) deliver() {
	for {
		item, found := q.next()
		if !found {
			return
		}
		q.out <- event.TypedGenericEvent[T]{Object: item}
	}
}

func (q *requeue[T]) next() (item T, found bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.busy = false
		return item, false
	}
	item, q.waiting = q.waiting[0], q.waiting[1:]
	return item, true
}
