package main

import (
	"sync"
	"time"
)

// activity tells when the operator is at rest: when it last called anybody, what it wrote, and how often it listed.
type activity struct {
	mu       sync.Mutex
	last     time.Time
	writes   int
	listings int
	up       int // the number of the process that was the last to call Astro
}

// calls notes a call to Astro by a process of the operator.
func (r *activity) calls(process int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last, r.up = time.Now(), process
}

// isUp says whether the process has called Astro yet.
func (r *activity) isUp(process int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.up >= process
}

func (r *activity) touch() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = time.Now()
}

func (r *activity) write() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes++
}

func (r *activity) listed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listings++
	r.last = time.Now()
}

// counts are the writes and listings so far, and for how long nobody was called.
func (r *activity) counts() (writes, listings int, quiet time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.writes, r.listings, time.Since(r.last)
}
