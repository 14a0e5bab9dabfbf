package astro

import (
	"context"
	"sync"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro/lookalike"
)

// alikeAge is how old the names of all targets are at least before they are listed again.
const alikeAge = time.Minute

// alike finds names that look like one that nothing has. It is for hints only: no token or target is ever taken for
// another because of it.
type alike struct {
	mu      sync.Mutex
	listed  time.Time           // the listing of tokens whose names these are
	tokens  map[uint64][]string // ids, by the hash of the name
	targets map[EntityType]*targetNames
	closed  bool
}

// targetNames are the names of all targets of a kind, listed once for whoever asks.
type targetNames struct {
	at     time.Time
	listed time.Time // the listing of tokens after which these were listed
	held   holding
	done   chan struct{}

	// Set when done. Without an answer there are none.
	byHash map[uint64][]Target
}

// drop gives up the names of a kind. Names that are still being listed are given up once they are.
func (a *alike) drop(kind EntityType) {
	names := a.targets[kind]
	delete(a.targets, kind)
	if names == nil {
		return
	}
	select {
	case <-names.done:
		names.held.set(0)
	default:
	}
}

// close gives up all names.
func (a *alike) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for kind := range a.targets {
		a.drop(kind)
	}
	a.closed = true
}

// settle ends a listing of names, which somebody may have given up meanwhile.
func (a *alike) settle(kind EntityType, names *targetNames) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || a.targets[kind] != names || names.byHash == nil {
		names.held.set(0)
	}
	close(names.done)
}

func (n *targetNames) list(c *Client, kind EntityType) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	targets, err := c.listTargets(ctx, kind, nil, n.held.fits(0))
	if err != nil {
		return
	}
	n.byHash = make(map[uint64][]Target, len(targets))
	for _, t := range targets {
		h := lookalike.Hash(t.Name)
		n.byHash[h] = append(n.byHash[h], t)
	}
}
