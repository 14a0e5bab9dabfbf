package token

import (
	"sync"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

// lookAhead is how many of the tokens that wait in line have their targets looked up together with those of others. What was
// looked up is believed for some seconds only, so that it has to be soon that they are called.
const lookAhead = 8

// ahead are the targets that tokens in line will have looked up, so that those of several tokens share a call.
type ahead struct {
	mu       sync.Mutex
	waiting  map[TokenKey][]target
	expected map[TokenKey]bool // those among the next whose targets the directories were told of
}

// target is one that is to be looked up in a directory.
type target struct {
	directory *astro.Directory
	query     astro.TargetQuery
}

func newAhead() *ahead {
	return &ahead{waiting: map[TokenKey][]target{}, expected: map[TokenKey]bool{}}
}

// wait notes which targets a group needs that begins to wait.
func (a *ahead) wait(g group) {
	var all []target
	s := decision.Situation{Key: g.key.decision(), Bindings: g.bindings}
	for i := range s.Bindings {
		b := &s.Bindings[i]
		if h := g.handles[b.Connection.ID]; h.Directory != nil && !b.Requested() && s.NeedsTarget(b) {
			all = append(all, target{h.Directory, b.TargetQuery()})
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.expected, g.key)
	if delete(a.waiting, g.key); len(all) > 0 {
		a.waiting[g.key] = all
	}
}

// enter notes that a token waits no more, and reports whether so few are expected by now that those after them should be.
func (a *ahead) enter(key TokenKey) (low bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waiting, key)
	delete(a.expected, key)
	return len(a.expected) < lookAhead/2 && len(a.waiting) > len(a.expected)
}

// expect tells the directories which targets will be looked up for the tokens that are next.
func (a *ahead) expect(next []TokenKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, key := range next {
		if a.expected[key] {
			continue
		}
		for _, t := range a.waiting[key] {
			a.expected[key] = true
			t.directory.ExpectTarget(t.query)
		}
	}
}
