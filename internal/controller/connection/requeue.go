package connection

import (
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/event"
)

// requeue is a channel that never blocks who puts something in. What waits to be read is folded together, so that it
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

func (m *requeue[T]) put(item T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.add(item)
	if !m.busy {
		m.busy = true
		go m.deliver()
	}
}

func (m *requeue[T]) add(item T) {
	for i, w := range m.waiting {
		if m.key(w) == m.key(item) {
			m.waiting[i] = m.fold(w, item)
			return
		}
	}
	m.waiting = append(m.waiting, item)
}

// deliver runs while there is something to read.
func (m *requeue[T]) deliver() {
	for {
		item, found := m.next()
		if !found {
			return
		}
		m.out <- event.TypedGenericEvent[T]{Object: item}
	}
}

func (m *requeue[T]) next() (item T, found bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.waiting) == 0 {
		m.busy = false
		return item, false
	}
	item, m.waiting = m.waiting[0], m.waiting[1:]
	return item, true
}
