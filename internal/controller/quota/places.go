package quota

import (
	"slices"
	"sync"
)

// Places are where objects are looked at, so many of a namespace side by side. Those for which there is none wait without a worker, in
// the order in which they came, and are called. Each that is called has its place from then on. What belongs to no namespace waits for
// no other. Places are safe for concurrent use.
type Places[K comparable] struct {
	most int
	call func(K)

	mu  sync.Mutex
	all map[string]*line[K] // by namespace; those of which nobody is left are not kept
}

type line[K comparable] struct {
	placed  map[K]struct{}
	waits   map[K]struct{}
	waiting []K
}

// NewPlaces makes so many places a namespace. Call has an object looked at again; it must not wait.
func NewPlaces[K comparable](most int, call func(K)) *Places[K] {
	return &Places[K]{most: most, call: call, all: map[string]*line[K]{}}
}

// Take reports whether the object may be looked at now. If not, it is called.
func (p *Places[K]) Take(namespace string, k K) bool {
	if namespace == "" {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.all[namespace]
	if l == nil {
		l = &line[K]{placed: map[K]struct{}{}, waits: map[K]struct{}{}}
		p.all[namespace] = l
	}
	if _, called := l.placed[k]; called {
		return true
	}
	if len(l.placed) < p.most {
		l.placed[k] = struct{}{}
		return true
	}
	if _, already := l.waits[k]; !already {
		l.waits[k] = struct{}{}
		l.waiting = append(l.waiting, k)
	}
	return false
}

// Leave gives up the place of an object, or its turn, and calls the next.
func (p *Places[K]) Leave(namespace string, k K) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.all[namespace]
	if l == nil {
		return
	}
	delete(l.placed, k)
	if _, waits := l.waits[k]; waits {
		delete(l.waits, k)
		l.waiting = slices.DeleteFunc(l.waiting, func(other K) bool { return other == k })
	}
	for len(l.placed) < p.most && len(l.waiting) > 0 {
		next := l.waiting[0]
		l.waiting = l.waiting[1:]
		delete(l.waits, next)
		l.placed[next] = struct{}{}
		p.call(next)
	}
	if len(l.placed) == 0 {
		delete(p.all, namespace)
	}
}

// Has reports whether the object waits, or has a place.
func (p *Places[K]) Has(namespace string, k K) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.all[namespace]
	if l == nil {
		return false
	}
	_, waits := l.waits[k]
	_, placed := l.placed[k]
	return waits || placed
}
