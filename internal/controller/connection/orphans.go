package connection

import "k8s.io/apimachinery/pkg/types"

// NeededBy notes that a binding needs the connection to have its role revoked, although the binding itself is gone.
func (r *Registry) NeededBy(k Key, binding types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.orphans[k] == nil {
		r.orphans[k] = map[types.UID]struct{}{}
	}
	r.orphans[k][binding] = struct{}{}
}

// NotNeededBy takes that back. A connection that waits for it is looked at again.
func (r *Registry) NotNeededBy(k Key, binding types.UID) {
	r.mu.Lock()
	delete(r.orphans[k], binding)
	if len(r.orphans[k]) == 0 {
		delete(r.orphans, k)
	}
	waits := r.handles[k].Deleting
	r.mu.Unlock()
	if waits {
		r.unauthorized[k.Kind].put(k)
	}
}

// orphansOf is how many bindings need the connection and are gone.
func (r *Registry) orphansOf(k Key) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.orphans[k])
}
