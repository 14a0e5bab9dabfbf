package connection

import (
	"slices"

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

// Subscribe returns a channel of its own for every caller, for a channel source. Notices that are not read yet are
// folded together, and nobody waits for a slow reader.
func (r *Registry) Subscribe() <-chan event.TypedGenericEvent[Notice] {
	return subscribe(r, &r.subscribers)
}

// SubscribeToRows is Subscribe, and tells of rows that were read or written by id as well; see Record.
func (r *Registry) SubscribeToRows() <-chan event.TypedGenericEvent[Notice] {
	return subscribe(r, &r.rowSubscribers)
}

func subscribe(r *Registry, to *[]*requeue[Notice]) <-chan event.TypedGenericEvent[Notice] {
	box := newRequeue(Notice.connection, Notice.with)
	r.mu.Lock()
	defer r.mu.Unlock()
	*to = append(*to, box)
	return box.out
}

// publish tells every subscriber.
func (r *Registry) publish(n Notice) {
	if n.empty() {
		return
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, box := range slices.Concat(r.subscribers, r.rowSubscribers) {
		box.put(n)
	}
}
