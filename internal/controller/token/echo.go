package token

import (
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

const (
	// echoDelay is how long to wait for the cache to show the operator's own write.
	echoDelay = 20 * time.Millisecond
	// echoPatience is for how long it is waited for at all: the object may be gone, or the watch broken.
	echoPatience = time.Minute
)

// echoes are the operator's own writes that the cache does not show yet. A group that is worked on before they are
// there would take its claims twice, and tell its members the news of the time before.
type echoes struct {
	mu      sync.Mutex
	written map[types.UID]echo
	pruned  time.Time
}

type echo struct {
	version string
	at      time.Time
	told    bool // nothing follows from it that whoever wrote it does not do
}

func newEchoes() *echoes { return &echoes{written: map[types.UID]echo{}} }

// expect remembers the version that a write has made, and whether anything follows from it.
func (e *echoes) expect(b *v1alpha1.ScopedTokenBinding, told bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	if now.Sub(e.pruned) > echoPatience {
		maps.DeleteFunc(e.written, func(_ types.UID, w echo) bool { return now.Sub(w.at) > echoPatience })
		e.pruned = now
	}
	e.written[b.UID] = echo{version: b.ResourceVersion, at: now, told: told}
}

// told reports whether an object is as the operator has just written it, and nothing follows from that.
func (e *echoes) told(o client.Object) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	last, ok := e.written[o.GetUID()]
	return ok && last.told && last.version == o.GetResourceVersion()
}

// awaited reports whether a member of the group is older than what was last written of it.
func (e *echoes) awaited(g *group) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	behind := false
	for _, m := range g.members {
		behind = e.isBehind(m.binding) || behind
	}
	return behind
}

func (e *echoes) isBehind(b *v1alpha1.ScopedTokenBinding) bool {
	last, ok := e.written[b.UID]
	if !ok {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(b.ResourceVersion, last.version)
	if err != nil || order >= 0 || time.Since(last.at) > echoPatience {
		delete(e.written, b.UID)
		return false
	}
	return true
}

// forget drops what is expected of an object that is gone.
func (e *echoes) forget(uid types.UID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.written, uid)
}
