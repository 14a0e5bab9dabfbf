package token

import (
	"maps"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

// handed are the bindings without a word in their status that were handed over to a token by their name. The name may be that of
// another token by now, as the token's own key finds out: then nobody else would look at them before the next sweep.
type handed struct {
	mu sync.Mutex
	to map[TokenKey]map[types.UID]handedOver
}

// handedOver is a binding, and the key of its name.
type handedOver struct {
	from   TokenKey
	object client.ObjectKey
}

func newHanded() *handed { return &handed{to: map[TokenKey]map[types.UID]handedOver{}} }

// note remembers a binding that is handed over from one key to another.
func (h *handed) note(from, to TokenKey, b *decision.Binding) {
	if b.Claim != nil || b.Looked() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.to[to] == nil {
		h.to[to] = map[types.UID]handedOver{}
	}
	h.to[to][b.Object.UID] = handedOver{from: from, object: client.ObjectKeyFromObject(b.Object)}
}

// over are the bindings that were handed over to the key.
func (h *handed) over(to TokenKey) map[types.UID]handedOver {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.to[to])
}

// done forgets them.
func (h *handed) done(to TokenKey, over map[types.UID]handedOver) {
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.DeleteFunc(h.to[to], func(uid types.UID, _ handedOver) bool { _, is := over[uid]; return is })
	if len(h.to[to]) == 0 {
		delete(h.to, to)
	}
}
