package token

import (
	"context"
	"maps"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
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

// handBack returns those of the bindings that turn out not to name the token to the keys of their names. These rest until the listing is
// too old that showed the name: the next look is at a newer one, which all names share. What is to be found out of the others by
// another look at the token, is.
func (r *Reconciler) handBack(ctx context.Context, key TokenKey, over map[types.UID]handedOver, p decision.Progress) {
	if len(over) == 0 {
		return
	}
	s, again := &p.Situation, len(p.Errs) > 0 || p.Wake > 0
	taken := map[types.UID]bool{}
	for i := range s.Bindings {
		b := &s.Bindings[i]
		if taken[b.Object.UID] = !s.Misnamed(b); again && taken[b.Object.UID] && !b.Looked() {
			delete(over, b.Object.UID)
		}
	}
	back := map[TokenKey]bool{}
	for uid, b := range over {
		if !taken[uid] && !back[b.from] && r.waits(ctx, uid, b.object) {
			back[b.from] = true
		}
	}
	for name := range back {
		r.pace.rest(name, 1, freshEnough)
		r.enqueue(ctx, finding{key: name})
	}
	r.handed.done(key, over)
}

// waits reports whether the very binding still waits for a first word.
func (r *Reconciler) waits(ctx context.Context, uid types.UID, key client.ObjectKey) bool {
	var b v1alpha1.ScopedTokenBinding
	return r.Client.Get(ctx, key, &b, client.UnsafeDisableDeepCopy) == nil && b.UID == uid && !pin.Looked(&b)
}
