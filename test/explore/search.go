package main

import (
	"fmt"
	"sync"
	"time"
)

// node is a state that was reached: from which, and by what.
type node struct {
	parent int32
	by     action
}

// violation is a state that must not be, or from which rest is not reached as it should.
type violation struct {
	at    int32    // the last node of its history
	then  []action // what followed
	cause error
}

// found is what exploring a scenario came to.
type found struct {
	scenario    *scenario
	states      int
	transitions int
	depth       int
	complete    bool // every state was visited
	violations  []violation
	nodes       []node
}

// search explores one scenario.
type search struct {
	found

	bound    int
	most     int // violations after which to stop
	deadline time.Time
	workers  int

	visited map[hash]struct{}
	restful *restful
}

// restful are the hashes of states that come to rest as declared.
type restful struct {
	shards [64]struct {
		sync.RWMutex

		known map[hash]struct{}
	}
}

func newRestful() *restful {
	r := &restful{}
	for i := range r.shards {
		r.shards[i].known = map[hash]struct{}{}
	}
	return r
}

func (r *restful) has(h hash) bool {
	s := &r.shards[h[0]%64]
	s.RLock()
	defer s.RUnlock()
	_, is := s.known[h]
	return is
}

func (r *restful) add(all []hash) {
	for _, h := range all {
		s := &r.shards[h[0]%64]
		s.Lock()
		s.known[h] = struct{}{}
		s.Unlock()
	}
}

// frontier is a state that is to be expanded, and its node.
type frontier struct {
	state *state
	at    int32
}

// successor is what an action made of a state.
type successor struct {
	state *state
	hash  hash
	by    action
	err   error
	trail []action // how it comes to a rest that is not as declared
}

// run explores breadth first until everything was visited, the time is up, or enough violations were found. The outcome
// does not depend on how many workers there are: each layer's successors are taken in their order.
func (x *search) run() found {
	first := x.scenario.begin(x.bound)
	x.visited = map[hash]struct{}{hashOf(first.encode(nil)): {}}
	x.restful = newRestful()
	x.nodes = []node{{parent: -1}}
	layer := []frontier{{&first, 0}}
	const chunk = 512
	for len(layer) > 0 {
		var next []frontier
		for begin := 0; begin < len(layer); begin += chunk * x.workers {
			if time.Now().After(x.deadline) || len(x.violations) >= x.most {
				x.states = len(x.visited)
				return x.found
			}
			part := layer[begin:min(len(layer), begin+chunk*x.workers)]
			for i, successors := range x.expand(part) {
				x.transitions += len(part[i].state.actions())
				next = x.take(part[i].at, successors, next)
			}
		}
		if len(next) > 0 {
			x.depth++
		}
		layer = next
	}
	x.states, x.complete = len(x.visited), len(x.violations) == 0
	return x.found
}

// expand makes the successors of states, side by side.
func (x *search) expand(part []frontier) [][]successor {
	all := make([][]successor, len(part))
	var group sync.WaitGroup
	for w := range x.workers {
		group.Go(func() {
			var buffer code
			for i := w; i < len(part); i += x.workers {
				all[i], buffer = x.successors(part[i].state, buffer)
			}
		})
	}
	group.Wait()
	return all
}

func (x *search) successors(s *state, buffer code) ([]successor, code) {
	actions := s.actions()
	all := make([]successor, 0, len(actions))
	for _, a := range actions {
		next := successor{by: a}
		made, err := guarded(s, a)
		next.state, next.err = &made, err
		if next.err == nil {
			buffer = next.state.encode(buffer[:0])
			next.hash = hashOf(buffer)
			if _, seen := x.visited[next.hash]; seen {
				continue
			}
			var way []hash
			way, next.trail, next.err = next.state.rest(x.restful.has)
			if next.err == nil {
				x.restful.add(way)
				next.trail = nil
			}
		}
		all = append(all, next)
	}
	return all, buffer
}

// guarded is the state after an action; a panic is a violation too.
func guarded(s *state, a action) (next state, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return s.do(a)
}

// take adds successors that are new, in their order.
func (x *search) take(parent int32, successors []successor, next []frontier) []frontier {
	for i := range successors {
		n := &successors[i]
		if n.err == nil || n.trail != nil {
			if _, seen := x.visited[n.hash]; seen {
				continue
			}
			x.visited[n.hash] = struct{}{}
		}
		at := int32(len(x.nodes))
		x.nodes = append(x.nodes, node{parent, n.by})
		if n.err != nil {
			x.violations = append(x.violations, violation{at: at, then: n.trail, cause: n.err})
			continue
		}
		next = append(next, frontier{n.state, at})
	}
	return next
}
