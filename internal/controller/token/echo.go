package token

import (
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

const (
	// echoDelay is how long to wait at least for the cache to show the operator's own write, and longestEcho at most before
	// one looks again.
	echoDelay, longestEcho = 20 * time.Millisecond, time.Second
	// echoPatience is for how long it is waited for at all: the object may be gone, or the watch broken.
	echoPatience = time.Minute
)

// echoes are the operator's own writes that the cache does not show yet. A group that is worked on before they are
// there would take its claims twice, and tell its members the news of the time before.
type echoes struct {
	mu      sync.Mutex
	written map[types.UID]echo
	claims  map[types.UID]string // the claims that are being written: the cache may show them before the API server has answered
	pruned  time.Time
}

type echo struct {
	version string
	at      time.Time
	told    bool // nothing follows from it that whoever wrote it does not do
}

func newEchoes() *echoes {
	return &echoes{written: map[types.UID]echo{}, claims: map[types.UID]string{}}
}

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

// claim notes that the binding's claim is about to be written, by whoever does what follows from it.
func (e *echoes) claim(b *v1alpha1.ScopedTokenBinding) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.claims[b.UID] = b.Annotations[v1alpha1.AnnotationHeld]
}

// claimed notes that the API server has answered.
func (e *echoes) claimed(uid types.UID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.claims, uid)
}

// told reports whether an update is what the operator has written or is writing, and nothing follows from that. What came
// before its last write was known to it then: each is made under the condition that nobody has written since.
func (e *echoes) told(u event.UpdateEvent) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := u.ObjectNew
	if last, ok := e.written[now.GetUID()]; ok && last.told {
		order, err := resourceversion.CompareResourceVersion(now.GetResourceVersion(), last.version)
		if err == nil && (order == 0 || (order < 0 && causeOf(u) == echoed)) {
			return true
		}
	}
	claim, writing := e.claims[now.GetUID()]
	return writing && claim == now.GetAnnotations()[v1alpha1.AnnotationHeld] && causeOf(u) == echoed
}

// awaited reports whether a member of the group is older than what was last written of it, and in how long to look again:
// the longer the cache takes, the less often.
func (e *echoes) awaited(g *group) (wait time.Duration, behind bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	wait = echoDelay
	for _, m := range g.members {
		if at, late := e.since(m.binding); late {
			wait, behind = max(wait, min(time.Since(at), longestEcho)), true
		}
	}
	return wait, behind
}

// since tells when what the object does not show yet was written.
func (e *echoes) since(b *v1alpha1.ScopedTokenBinding) (at time.Time, behind bool) {
	last, ok := e.written[b.UID]
	if !ok {
		return time.Time{}, false
	}
	order, err := resourceversion.CompareResourceVersion(b.ResourceVersion, last.version)
	if err != nil || order >= 0 || time.Since(last.at) > echoPatience {
		delete(e.written, b.UID)
		return time.Time{}, false
	}
	return last.at, true
}

// forget drops what is expected of an object that is gone.
func (e *echoes) forget(uid types.UID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.written, uid)
}
