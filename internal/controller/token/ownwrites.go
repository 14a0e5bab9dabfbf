package token

import (
	"maps"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

const (
	// shortestWait is how long to wait at least for the cache to show the operator's own write, and longestWait at most
	// before one looks again.
	shortestWait, longestWait = 20 * time.Millisecond, time.Second
	// waitFor is for how long it is waited for at all: the object may be gone, or the watch broken.
	waitFor = time.Minute
)

// ownWrites are the operator's own writes that the cache does not show yet. A token that is worked on before they are
// there would take its claims twice, and tell its bindings what was true before.
type ownWrites struct {
	mu      sync.Mutex
	written map[types.UID]ownWrite
	writing map[types.UID]underWay // the cache may show them before the API server has answered
	pruned  time.Time
	notices int64 // that the controller was given so far
}

type ownWrite struct {
	version string
	at      time.Time
	handled bool  // the writer has already acted on this change
	notices int64 // that had been given when the writer looked
}

// underWay are the writes of an object that are not answered yet, and the notices before the first of them.
type underWay struct {
	writes  int
	notices int64
}

func newOwnWrites() *ownWrites {
	return &ownWrites{written: map[types.UID]ownWrite{}, writing: map[types.UID]underWay{}}
}

// notice notes that the rules of a connection, or what Astro shows, have changed, and that the bindings concerned are about to be
// looked for. A binding that is being written may still be found under its old key, so a write counts as handled only if no notice
// came since.
func (o *ownWrites) notice() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.notices++
}

// noticed is how many notices there were so far.
func (o *ownWrites) noticed() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.notices
}

// begin notes that the binding is about to be written by whoever acts on the change, and looked after so many notices.
func (o *ownWrites) begin(uid types.UID, notices int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	w := o.writing[uid]
	if w.writes == 0 {
		w.notices = notices
	}
	w.writes++
	o.writing[uid] = w
}

// end notes that the API server has answered.
func (o *ownWrites) end(uid types.UID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	w := o.writing[uid]
	if w.writes--; w.writes <= 0 {
		delete(o.writing, uid)
		return
	}
	o.writing[uid] = w
}

// expect remembers the version that a write has made, and whether the writer has already acted on the change, by what it knew after
// so many notices.
func (o *ownWrites) expect(b *v1alpha1.ScopedTokenBinding, handled bool, notices int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	if now.Sub(o.pruned) > waitFor {
		maps.DeleteFunc(o.written, func(_ types.UID, w ownWrite) bool { return now.Sub(w.at) > waitFor })
		o.pruned = now
	}
	o.written[b.UID] = ownWrite{version: b.ResourceVersion, at: now, handled: handled, notices: notices}
}

// alreadyHandled reports whether an update is what the operator has written or is writing, and has acted on. What came
// before its last write was known to it then: each is made under the condition that nobody has written since.
func (o *ownWrites) alreadyHandled(u event.UpdateEvent) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := u.ObjectNew
	if last, ok := o.written[now.GetUID()]; ok && last.handled && last.notices == o.notices {
		order, err := resourceversion.CompareResourceVersion(now.GetResourceVersion(), last.version)
		if err == nil && (order == 0 || (order < 0 && causeOf(u) == operator)) {
			return true
		}
	}
	w := o.writing[now.GetUID()]
	return w.writes > 0 && w.notices == o.notices && causeOf(u) == operator
}

// cacheBehind reports whether a binding is older than what was last written of it, and in how long to look again: the
// longer the cache takes, the less often. What is gone will not be shown any more.
func (o *ownWrites) cacheBehind(bindings []decision.Binding) (wait time.Duration, behind bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	wait = shortestWait
	for i := range bindings {
		if at, late := o.since(bindings[i].Object); late && !bindings[i].Orphan {
			wait, behind = max(wait, min(time.Since(at), longestWait)), true
		}
	}
	return wait, behind
}

// since tells when what the object does not show yet was written.
func (o *ownWrites) since(b *v1alpha1.ScopedTokenBinding) (at time.Time, behind bool) {
	last, ok := o.written[b.UID]
	if !ok {
		return time.Time{}, false
	}
	order, err := resourceversion.CompareResourceVersion(b.ResourceVersion, last.version)
	if err != nil || order >= 0 || time.Since(last.at) > waitFor {
		delete(o.written, b.UID)
		return time.Time{}, false
	}
	return last.at, true
}

// forget drops what is expected of an object that is gone.
func (o *ownWrites) forget(uid types.UID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.written, uid)
}

// newer reports whether an object is as new as another version of it, or newer.
func newer(b, than metav1.Object) bool {
	order, err := resourceversion.CompareResourceVersion(b.GetResourceVersion(), than.GetResourceVersion())
	return err != nil || order >= 0
}
