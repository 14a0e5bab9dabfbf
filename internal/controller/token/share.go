package token

import (
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/internal/controller/quota"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

// What each namespace may have of the operator before those go first that have asked for less. What is beyond it is not
// refused: it waits.
const (
	// Edits that go ahead of everything else. A few hundred objects of one commit use the share up and are no slower for it,
	// as long as nobody else asks for anything.
	editsPerSecond, editBurst = 10, 100
	// Requests by annotation for a look at Astro at once. The others of a namespace are answered together, once a round, and
	// so share calls.
	requestsPerSecond, requestBurst = 1, 20
	requestRound                    = 10 * time.Second
	// Reads of tokens that the listing does not show. Of the others a listing of the last seconds says as well that they are
	// not there, and is shared by all.
	readsPerSecond, readBurst = 1, 20
)

// requests are when the annotations count by which users ask for a look at Astro.
type requests struct {
	share *quota.Quota

	mu     sync.Mutex
	all    map[types.UID]request
	pruned time.Time
}

type request struct {
	value string
	due   time.Time
}

func newRequests() *requests {
	return &requests{share: quota.New(requestsPerSecond, requestBurst), all: map[types.UID]request{}}
}

// wait is for how long the binding's request has to wait; zero if it counts, or there is none. One that replaces another which
// is waiting has to wait as long as that.
func (q *requests) wait(b *decision.Binding, value string, now time.Time) time.Duration {
	if !b.Asks() {
		return 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if now.Sub(q.pruned) > time.Minute {
		maps.DeleteFunc(q.all, func(_ types.UID, r request) bool { return now.Sub(r.due) > time.Minute })
		q.pruned = now
	}
	r, known := q.all[b.Object.UID]
	switch {
	case known && (r.value == value || r.due.After(now)):
		r.value = value
	case q.share.Take(b.Object.Namespace, now):
		r = request{value, now}
	default:
		r = request{value, now.Truncate(requestRound).Add(requestRound)}
	}
	q.all[b.Object.UID] = r
	return max(0, r.due.Sub(now))
}
