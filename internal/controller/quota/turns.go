package quota

import (
	"slices"
	"sync"
	"time"
)

// Turns are when objects may do what their namespace has a share of. Those beyond the share have their turns one after the other: what
// is urgent first, else in the order in which they came. Turns are safe for concurrent use.
type Turns[K comparable] struct {
	share *Quota

	mu  sync.Mutex
	all map[string]*turns[K] // by namespace; those of which nobody waits are not kept
}

type turns[K comparable] struct{ urgent, others []K }

// NewTurns makes turns of a share.
func NewTurns[K comparable](perSecond float64, burst int) *Turns[K] {
	return &Turns[K]{share: New(perSecond, burst), all: map[string]*turns[K]{}}
}

// Take is for how long the object has to wait for its turn; zero if it has it now, which counts. Whoever is told to wait comes again
// after that time, or gives its turn up.
func (t *Turns[K]) Take(namespace string, k K, urgent bool, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	of := t.all[namespace]
	if of == nil {
		of = &turns[K]{}
		t.all[namespace] = of
	}
	wait := t.share.until(namespace, of.enter(k, urgent)+1, now)
	if wait == 0 && t.share.Take(namespace, now) {
		t.drop(namespace, k)
		return 0
	}
	return max(wait, time.Millisecond)
}

// Leave gives up the turn of an object.
func (t *Turns[K]) Leave(namespace string, k K) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop(namespace, k)
}

func (t *Turns[K]) drop(namespace string, k K) {
	of := t.all[namespace]
	if of == nil {
		return
	}
	of.urgent, of.others = without(of.urgent, k), without(of.others, k)
	if len(of.urgent)+len(of.others) == 0 {
		delete(t.all, namespace)
	}
}

// enter is how many go before the object, which waits from now on if it did not.
func (t *turns[K]) enter(k K, urgent bool) (ahead int) {
	if at := slices.Index(t.urgent, k); at >= 0 {
		return at
	}
	if urgent {
		t.others = without(t.others, k)
		t.urgent = append(t.urgent, k)
		return len(t.urgent) - 1
	}
	at := slices.Index(t.others, k)
	if at < 0 {
		t.others = append(t.others, k)
		at = len(t.others) - 1
	}
	return len(t.urgent) + at
}

func without[K comparable](all []K, k K) []K {
	return slices.DeleteFunc(all, func(other K) bool { return other == k })
}
