package connection

import (
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/event"
)

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
