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
	m.refused(key, roleset.Target{ID: "gone"}, refusal{at: now})
	if !m.fought(key, "a/gone", 1, now) || m.fought(key, "a/gone", 2, now) {
		t.Error("a role restored that often, under this spec, is fought over")
	}
	later := now.Add(refusalAge + time.Hour)
	m.restored(key, "a/here", 1, later)
	m.refused(key, roleset.Target{ID: "here"}, refusal{at: later})
	p := m.tokens[key]
	if len(p.fights) != 1 || len(p.refusals) != 1 {
		t.Errorf("still remembered: %v, %v", p.fights, p.refusals)
	}
	m.forget(key)
	if len(m.tokens) != 0 {
		t.Errorf("left: %v", m.tokens)
	}
}
