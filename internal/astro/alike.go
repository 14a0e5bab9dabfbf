package astro

import (
	"context"
	"slices"
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

// Alike returns tokens of the scope whose name is another than the given one, but looks like it. Of Workspace tokens only
// those made in home count. It makes no call.
func (d *Directory) Alike(scope Scope, home, name string) (found []Token) {
	for _, id := range d.tokensLike(lookalike.Hash(name)) {
		t, listed := d.Known(id)
		athome := scope != ScopeWorkspace || home != "" && t.Home() == home
		if listed && t.Scope == scope && athome && t.Name != name {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, inOrder)
	return found
}

func (d *Directory) tokensLike(hash uint64) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := &d.alike
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tokens == nil || !a.listed.Equal(d.listed) {
		a.listed, a.tokens = d.listed, map[uint64][]string{}
		for id, r := range d.rows {
			if !r.gone {
				h := lookalike.Hash(r.token.Name)
				a.tokens[h] = append(a.tokens[h], id)
			}
		}
	}
	return a.tokens[hash]
}

// AlikeTargets returns targets whose name is another than the one that the query asks for, but looks like it. For that all
// targets of the kind are listed, once for all who ask between two listings of tokens. None where that fails.
func (d *Directory) AlikeTargets(ctx context.Context, q TargetQuery) (found []Target) {
	q = q.plain()
	if q.ID != "" || q.Kind != EntityWorkspace && q.Kind != EntityDeployment {
		return nil
	}
	names := d.namesOf(q.Kind)
	if d.client.await(ctx, "look up targets", names.done) != nil {
		return nil
	}
	for _, t := range names.byHash[lookalike.Hash(q.Name)] {
		within := q.WorkspaceID == "" || q.WorkspaceID == t.WorkspaceID
		if within && t.Name != q.Name {
			found = append(found, t)
		}
	}
	return found
}

// namesOf are the names of a kind, or those that are being listed.
func (d *Directory) namesOf(kind EntityType) *targetNames {
	d.mu.Lock()
	listed := d.listed
	d.mu.Unlock()
	a, now := &d.alike, d.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if known := a.targets[kind]; known != nil && (known.listed.Equal(listed) || now.Sub(known.at) < alikeAge) {
		return known
	}
	if a.targets == nil {
		a.targets = map[EntityType]*targetNames{}
	}
	a.drop(kind)
	names := &targetNames{at: now, listed: listed, held: holding{share: d.client.share()}, done: make(chan struct{})}
	a.targets[kind] = names
	go func() {
		names.list(d.client, kind)
		a.settle(kind, names)
	}()
	return names
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
