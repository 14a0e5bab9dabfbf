package main

import (
	"sync"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// writes pair each write of the operator with what it was shown before, and remember what a process knows of a token.
type writes struct {
	mu    sync.Mutex
	last  map[reader]*reading // not used for a write yet
	seen  map[string]*reading // the last one of a token
	dates map[reader][]dated
	done  map[reader][]*attempt
}

// reader is a process that reads a token.
type reader struct {
	process int
	token   string
}

// attempt is one write of roles by the operator.
type attempt struct {
	id      string // of the request
	at      time.Time
	process int
	token   string
	sent    []astrosim.Role
	journal string // as it was before the write
	read    *reading
	entry   *astrosim.RoleWrite
	status  int // of the answer, 0 if there was none
}

func newWrites() *writes {
	return &writes{last: map[reader]*reading{}, seen: map[string]*reading{}, dates: map[reader][]dated{}, done: map[reader][]*attempt{}}
}

func (w *writes) shown(token string, r *reading) {
	w.mu.Lock()
	defer w.mu.Unlock()
	by := reader{r.process, token}
	w.last[by], w.seen[token] = r, r
	w.dates[by] = append(w.dates[by], dated{r.updated, r.at})
}

// listed remembers the dates that a process was shown in a listing.
func (w *writes) listed(process int, at time.Time, dates map[string]time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for token, updated := range dates {
		by := reader{process, token}
		w.dates[by] = append(w.dates[by], dated{updated, at.Add(listedBefore)})
	}
}

// begin takes the reading that the write has to rest on: each serves for one write only.
func (w *writes) begin(token string, process int, body []byte) *attempt {
	w.mu.Lock()
	defer w.mu.Unlock()
	by := reader{process, token}
	a := &attempt{at: time.Now(), process: process, token: token, read: w.last[by]}
	a.sent, _ = rolesIn(body)
	delete(w.last, by)
	return a
}

// finish remembers a write that has had its effect, if any.
func (w *writes) finish(a *attempt) {
	w.mu.Lock()
	defer w.mu.Unlock()
	by := reader{a.process, a.token}
	w.done[by] = append(w.done[by], a)
}

// attempts are all writes that are over.
func (w *writes) attempts() (all []*attempt) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, done := range w.done {
		all = append(all, done...)
	}
	return all
}

// lastSeen is what the operator was shown last of a token.
func (w *writes) lastSeen(token string) *reading {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen[token]
}
