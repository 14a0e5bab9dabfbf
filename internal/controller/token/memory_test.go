package token

import (
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

func TestMemoryForgetsWhatIsOver(t *testing.T) {
	m, key, now := newMemory(), TokenKey{Token: "t"}, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for range fightLimit {
		m.restored(key, "a/gone", 1, now)
	}
	m.refused(key, roleset.Change{Target: roleset.Target{ID: "gone"}}, refusal{at: now})
	if !m.fought(key, "a/gone", 1, now) || m.fought(key, "a/gone", 2, now) {
		t.Error("a role restored that often, under this spec, is fought over")
	}
	later := now.Add(refusalAge + time.Hour)
	m.restored(key, "a/here", 1, later)
	m.refused(key, roleset.Change{Target: roleset.Target{ID: "here"}}, refusal{at: later})
	p := m.tokens[key]
	if len(p.fights) != 1 || len(p.refusals) != 1 {
		t.Errorf("still remembered: %v, %v", p.fights, p.refusals)
	}
	m.forget(key)
	if len(m.tokens) != 0 {
		t.Errorf("left: %v", m.tokens)
	}
}

// TestRefusalsOfOnePlace has Astro refuse both what a member wants in the place of another, and that the other leaves.
func TestRefusalsOfOnePlace(t *testing.T) {
	m, key, now := newMemory(), TokenKey{Token: "t"}, time.Now()
	to := roleset.Change{Target: roleset.Target{ID: "d"}, From: "A", To: "B"}
	away := roleset.Change{Target: to.Target, From: "A"}
	m.refused(key, to, refusal{spec: spec{generation: 1}, at: now})
	m.refused(key, away, refusal{spec: spec{generation: 2}, at: now})
	for change, generation := range map[string]int64{to.To: 1, away.To: 2} {
		if _, ok := m.refusal(key, roleset.Change{Target: to.Target, To: change}, spec{generation: generation}); !ok {
			t.Errorf("the refusal of the change to %q is forgotten", change)
		}
	}
	m.taken(key, to.Target)
	if _, ok := m.refusal(key, away, spec{generation: 2}); ok {
		t.Error("a refusal is remembered although Astro took a change there")
	}
}
