package connection

import (
	"slices"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/event"
)

// Notice tells that something about a connection changed that others have to look at.
type Notice struct {
	// Connection that it is about.
	Connection Key
	// Tokens are the ids of tokens whose row in Astro differs from what was known.
	Tokens []string
	// All says that everything has to be looked at: the connection became ready or ceased to be, its rules changed, a
	// namespace came under a rule or left it, or the sweep was the first.
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
	return Notice{Connection: n.Connection, Tokens: slices.Compact(tokens), Swept: n.Swept || next.Swept}
}

func (n Notice) empty() bool { return !n.All && !n.Swept && len(n.Tokens) == 0 }

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
