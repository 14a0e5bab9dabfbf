package connection

import (
	"slices"
	"sync"
)

// mostOfANamespace is how many AstroConnections of a namespace are looked at side by side. Each look waits for Astro, minutes at
// worst, so that a namespace that has many of them would otherwise have all workers.
const mostOfANamespace = 2

// places are where connections are looked at. Those of a namespace for which there is none wait without a worker, in the order in
// which they came, and are called. Each that is called has its place from then on. A ClusterAstroConnection waits for no other.
type places struct {
	most int
	call func(Key) // has the connection looked at again

	mu  sync.Mutex
	all map[string]*line // by namespace; those of which nobody is left are not kept
}

type line struct {
	placed  map[Key]struct{}
	waits   map[Key]struct{}
	waiting []Key
}

func newPlaces(most int, call func(Key)) *places {
	return &places{most: most, call: call, all: map[string]*line{}}
}

// take reports whether the connection may be looked at now. If not, it is called.
func (p *places) take(k Key) bool {
	if k.Namespace == "" {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.all[k.Namespace]
	if l == nil {
		l = &line{placed: map[Key]struct{}{}, waits: map[Key]struct{}{}}
		p.all[k.Namespace] = l
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

// leave gives up the place of a connection, or its turn, and calls the next.
func (p *places) leave(k Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.all[k.Namespace]
	if l == nil {
		return
	}
	delete(l.placed, k)
	if _, waits := l.waits[k]; waits {
		delete(l.waits, k)
		l.waiting = slices.DeleteFunc(l.waiting, func(other Key) bool { return other == k })
	}
	for len(l.placed) < p.most && len(l.waiting) > 0 {
		next := l.waiting[0]
		l.waiting = l.waiting[1:]
		delete(l.waits, next)
		l.placed[next] = struct{}{}
		p.call(next)
	}
	if len(l.placed) == 0 {
		delete(p.all, k.Namespace)
	}
}
