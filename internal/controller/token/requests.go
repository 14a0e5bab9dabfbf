package token

import (
	"hash/fnv"
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/quota"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
)

const (
	// requestsPerSecond and requestBurst are the share of a namespace in requests by annotation for a look at Astro at once.
	requestsPerSecond, requestBurst = 1, 20
	// requestRound is how often the others are answered, each round from one listing and few lookups: so they cost Astro next to
	// nothing, however many they are.
	requestRound = 10 * time.Second
	// requestSpread is over how long the answers of a round are spread, token by token, because each is a status write. A lookup that
	// was made at its beginning is believed until its end.
	requestSpread = 8 * time.Second
)

// requests are when the annotations count by which users ask for a look at Astro.
type requests struct {
	share *quota.Quota

	mu      sync.Mutex
	all     map[types.UID]request
	targets map[time.Time]map[target]struct{} // by the round in which they are to be looked up
	pruned  time.Time
}

type request struct {
	value    string
	since    time.Time // what Astro shows from then on answers it: it was made before
	due      time.Time
	together bool // in a round, because it is beyond the share
}

// asked is what becomes of a request.
type asked struct {
	wait     time.Duration // until it counts
	since    time.Time
	together bool
}

func newRequests() *requests {
	return &requests{
		share: quota.New(requestsPerSecond, requestBurst), all: map[types.UID]request{}, targets: map[time.Time]map[target]struct{}{},
	}
}

// ask is what becomes of the binding's request; nothing if there is none. One that replaces another which is waiting has to wait as
// long as that.
func (q *requests) ask(b *decision.Binding, now time.Time) asked {
	if !b.Asks() {
		return asked{}
	}
	value := b.Object.Annotations[v1alpha1.AnnotationRequestedAt]
	q.mu.Lock()
	defer q.mu.Unlock()
	q.prune(now)
	r, known := q.all[b.Object.UID]
	switch {
	case known && (r.value == value || r.due.After(now)):
		r.value = value
	case q.share.Take(b.Object.Namespace, now):
		r = request{value: value, since: now, due: now}
	default:
		round := now.Truncate(requestRound).Add(requestRound)
		r = request{value: value, since: round, due: round.Add(spreadOf(b.Object)), together: true}
	}
	q.all[b.Object.UID] = r
	return asked{wait: max(0, r.due.Sub(now)), since: r.since, together: r.together}
}

// spreadOf is how long after the beginning of a round the bindings of a token are answered.
func spreadOf(b *v1alpha1.ScopedTokenBinding) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(pin.TokenValue(b)))
	return time.Duration(h.Sum32()) * time.Millisecond % requestSpread
}

// prune forgets what was due a while ago.
func (q *requests) prune(now time.Time) {
	if now.Sub(q.pruned) <= time.Minute {
		return
	}
	q.pruned = now
	maps.DeleteFunc(q.all, func(_ types.UID, r request) bool { return now.Sub(r.due) > time.Minute })
	maps.DeleteFunc(q.targets, func(round time.Time, _ map[target]struct{}) bool { return now.Sub(round) > time.Minute })
}

// foresee notes a target that is to be looked up in a round, with those of the other tokens.
func (q *requests) foresee(round time.Time, t target) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.targets[round] == nil {
		q.targets[round] = map[target]struct{}{}
	}
	q.targets[round][t] = struct{}{}
}

// expect tells the directories what will be looked up in a round that has begun, so that whoever is answered first looks it up for all.
func (q *requests) expect(round time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for t := range q.targets[round] {
		t.directory.ForgetTargetBefore(t.query, round)
		t.directory.ExpectTarget(t.query)
	}
	delete(q.targets, round)
}
