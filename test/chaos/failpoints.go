package main

import (
	"fmt"
	"sync"
)

// A side effect of the operator is one request: a patch that the API server takes, or a role set that Astro takes. So
// the gap between any two of them can be hit from outside, without a line in the operator: a failpoint kills it when the
// request arrives, before it has any effect, or when the effect is there and the answer is not.

// failpoint is where to kill the operator: at the so-manieth side effect since the last kill.
type failpoint struct {
	effect int
	after  bool // the effect takes place, its answer does not arrive
}

// String is the failpoint in words.
func (f failpoint) String() string {
	if f.after {
		return fmt.Sprintf("after effect %d", f.effect)
	}
	return fmt.Sprintf("before effect %d", f.effect)
}

// failpoints are those of one round.
type failpoints struct {
	mu    sync.Mutex
	armed []failpoint
	count int
	hits  map[string]int
}

// arm sets the failpoints of a round, and forgets those of the round before.
func (f *failpoints) arm(points []failpoint) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed, f.count = points, 0
}

// arrive counts a side effect, and says whether the operator is killed at it.
func (f *failpoints) arrive(what string) (kill, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	if len(f.armed) == 0 || f.count < f.armed[0].effect {
		return false, false
	}
	after = f.armed[0].after
	f.armed, f.count = f.armed[1:], 0
	if f.hits == nil {
		f.hits = map[string]int{}
	}
	word := "before_"
	if after {
		word = "after_"
	}
	f.hits[word+what]++
	return true, after
}

// takeHits are how often the operator was killed where, since it was last asked for.
func (f *failpoints) takeHits() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	hits := f.hits
	f.hits = nil
	return hits
}
