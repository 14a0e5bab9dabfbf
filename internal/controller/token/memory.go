package token

import (
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

const (
	// fightLimit is how often a role is restored within fightWindow before another writer is taken to be at work.
	fightLimit = 3
	// fightWindow is for how long a restored role counts, and for how long it is then left alone.
	fightWindow = time.Hour
	// refusalAge is for how long a refusal is remembered, which is longer than any sweep interval keeps it from being tried.
	refusalAge = 24 * time.Hour
)

// memory is what is remembered of a token between reconciles. Nothing in it matters to what Astro ends up holding: after
// a restart, a refused change is tried once more, and a fight goes one more round.
type memory struct {
	mu     sync.Mutex
	tokens map[TokenKey]*past
}

type past struct {
	fights   map[types.UID]fight // by the binding, as one of its name may be another
	refusals map[refusedChange]refusal
}

// fight is a role that somebody else keeps changing back.
type fight struct {
	generation int64
	restored   []time.Time
}

// refusedChange is a role, empty for none, that a target was not to get, and for which binding it was tried. Where a member
// wants the place of one that leaves, either change may be refused.
type refusedChange struct {
	target roleset.Target
	to     string
	of     types.UID
}

// refusal is how Astro refused a change by itself.
type refusal struct {
	forbidden bool // to the connection, where another one may be allowed
	spec      spec
	at        time.Time
	fault     *fault
}

// spec is the spec of one object. Another object of the same name starts with the same generation.
type spec struct {
	of         types.UID
	generation int64
}

func specOf(b *v1alpha1.ScopedTokenBinding) spec { return spec{b.UID, b.Generation} }

func newMemory() *memory { return &memory{tokens: map[TokenKey]*past{}} }

func (m *memory) of(key TokenKey) *past {
	p, ok := m.tokens[key]
	if !ok {
		p = &past{fights: map[types.UID]fight{}, refusals: map[refusedChange]refusal{}}
		m.tokens[key] = p
	}
	return p
}

// forget drops what is remembered of a token that no binding speaks of any more.
func (m *memory) forget(key TokenKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.tokens, key)
}

// restored remembers that a member's role was restored after somebody else had changed it.
func (m *memory) restored(key TokenKey, id types.UID, generation int64, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.of(key)
	maps.DeleteFunc(p.fights, func(_ types.UID, f fight) bool { return len(recent(f.restored, now)) == 0 }) // of bindings that may be gone
	f := p.fights[id]
	if f.generation != generation {
		f = fight{generation: generation}
	}
	f.restored = append(recent(f.restored, now), now)
	p.fights[id] = f
}

// fought reports whether a role was restored so often that it is left alone for a while. An edited spec starts anew.
func (m *memory) fought(key TokenKey, id types.UID, generation int64, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.tokens[key]
	if !ok {
		return false
	}
	f := p.fights[id]
	return f.generation == generation && len(recent(f.restored, now)) >= fightLimit
}

// truce forgets a fight, since the user asks for another try.
func (m *memory) truce(key TokenKey, id types.UID, t roleset.Target) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p, ok := m.tokens[key]; ok {
		delete(p.fights, id)
		p.pardon(t)
	}
}

func recent(times []time.Time, now time.Time) []time.Time {
	var kept []time.Time
	for _, t := range times {
		if now.Sub(t) < fightWindow {
			kept = append(kept, t)
		}
	}
	return kept
}

// refused remembers a change that Astro refused by itself, so that the others are written without it.
func (m *memory) refused(key TokenKey, c roleset.Change, r refusal) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.of(key)
	maps.DeleteFunc(p.refusals, func(_ refusedChange, old refusal) bool { return r.at.Sub(old.at) > refusalAge }) // of targets that may be gone
	p.refusals[refusedChange{c.Target, c.To, r.spec.of}] = r
}

// refusal returns what is remembered of a change to the role, if it is the same change.
func (m *memory) refusal(key TokenKey, c roleset.Change, s spec) (refusal, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.tokens[key]
	if !ok {
		return refusal{}, false
	}
	r, ok := p.refusals[refusedChange{c.Target, c.To, s.of}]
	return r, ok && r.spec == s
}

// taken forgets what was refused there, since Astro took a change.
func (m *memory) taken(key TokenKey, t roleset.Target) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p, ok := m.tokens[key]; ok {
		p.pardon(t)
	}
}

func (p *past) pardon(t roleset.Target) {
	maps.DeleteFunc(p.refusals, func(c refusedChange, _ refusal) bool { return c.target == t })
}

// pardon forgets all refusals of a token, since what Astro missed may be there now.
func (m *memory) pardon(key TokenKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p, ok := m.tokens[key]; ok {
		clear(p.refusals)
	}
}
