package main

import (
	"cmp"
	"fmt"
	"sync"
)

// A side effect of the operator is one request: a patch that the API server takes, or a role set that Astro takes. So
// the gap between any two of them can be hit from outside, without a line in the operator: a failpoint kills it when the
// request arrives, before it has any effect, or when the effect is there and the answer is not.

// failpoint is where to kill the operator: at the so-manieth side effect since the last kill, or the so-manieth of a kind.
type failpoint struct {
	effect int
	what   string // "" for any
	after  bool   // the effect takes place, its answer does not arrive
}

// effects are the kinds of side effect that failpoints aim at.
var effects = []string{"finalizer", "journal", "astro", "status", "release", "connection", "connection_status"}

// String is the failpoint in words.
func (f failpoint) String() string {
	where := "before"
	if f.after {
		where = "after"
	}
	return fmt.Sprintf("%s %s %d", where, cmp.Or(f.what, "effect"), f.effect)
}

// failpoints are those of one round.
type failpoints struct {
	mu    sync.Mutex
	armed []failpoint
	count map[string]int
	hits  map[string]int
}

// arm sets the failpoints of a round, and forgets those of the round before.
func (f *failpoints) arm(points []failpoint) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed, f.count = points, map[string]int{}
}

// arrive counts a side effect, and says whether the operator is killed at it.
func (f *failpoints) arrive(what string) (kill, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.armed) == 0 {
		return false, false
	}
	f.count[""]++
	f.count[what]++
	if f.armed[0].what != "" && f.armed[0].what != what || f.count[f.armed[0].what] < f.armed[0].effect {
		return false, false
	}
	after = f.armed[0].after
	f.armed, f.count = f.armed[1:], map[string]int{}
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
