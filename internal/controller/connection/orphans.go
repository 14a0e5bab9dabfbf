package connection

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// orphans are the roles that are still to be revoked although their bindings are gone, by the connection that is needed
// for it and the UID of the binding.
type orphans struct {
	mu sync.Mutex
	of map[Key]map[types.UID]struct{}
}

func newOrphans() orphans { return orphans{of: map[Key]map[types.UID]struct{}{}} }

func (os *orphans) enter(k Key, binding types.UID) {
	os.mu.Lock()
	defer os.mu.Unlock()
	if os.of[k] == nil {
		os.of[k] = map[types.UID]struct{}{}
	}
	os.of[k][binding] = struct{}{}
}

func (os *orphans) leave(k Key, binding types.UID) {
	os.mu.Lock()
	defer os.mu.Unlock()
	delete(os.of[k], binding)
	if len(os.of[k]) == 0 {
		delete(os.of, k)
	}
}

// count is how many need the connection.
func (os *orphans) count(k Key) int {
	os.mu.Lock()
	defer os.mu.Unlock()
	return len(os.of[k])
}
