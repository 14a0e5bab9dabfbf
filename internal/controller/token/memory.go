package token

import (
	"sync"

	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

// memory is what is remembered of each token between reconciles: refusals, contentions, and who may write it. The work
// queue sees to it that one reconcile at a time works on a token, so each replaces the memory as a whole.
type memory struct {
	mu     sync.Mutex
	tokens map[TokenKey]decision.Memory
}

func newMemory() *memory { return &memory{tokens: map[TokenKey]decision.Memory{}} }

func (m *memory) of(key TokenKey) decision.Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tokens[key]
}

func (m *memory) keep(key TokenKey, now decision.Memory) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Empty() {
		delete(m.tokens, key)
		return
	}
	m.tokens[key] = now
}

// forget drops what is remembered of a token that no binding speaks of any more.
func (m *memory) forget(key TokenKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.tokens, key)
}
