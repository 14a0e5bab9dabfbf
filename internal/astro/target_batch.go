package astro

import (
	"net/url"
	"time"
)

// lookup is one query, shared by all callers who ask it at the same time.
type lookup struct {
	query TargetQuery
	begun time.Time
	into  map[TargetQuery]targetAnswer // the map for the answer; the cache no longer uses it once it was told to forget
	round int
	done  chan struct{}

	// Set when done.
	found []Target
	err   error
}

// targetAnswer is kept until its time if it is exactly one target, else until the next round.
type targetAnswer struct {
	found []Target
	at    time.Time // when the call that showed it began
	until time.Time
}

const (
	maxBatch      = 100
	maxBatchBytes = 6000 // of ids or names in the address of a request, which servers commonly allow 8 KiB
	// maxSoon is how many queries of a kind are kept that will be asked soon. Those beyond it are asked when their time comes.
	maxSoon = 20_000
)

// batchKey separates lookups that cannot share a call.
type batchKey struct {
	kind   EntityType
	byName bool
}

func (q TargetQuery) batch() batchKey { return batchKey{q.Kind, q.ID == ""} }

// batch is the lookups of one call.
type batch struct {
	lookups []*lookup
	bytes   int // in the call's address
}

// bytes is the room that a query takes in the address of a call.
func (q TargetQuery) bytes() int { return len(url.QueryEscape(q.value())) + len("&deploymentIds=") }

func (b *batch) fits(q TargetQuery) bool {
	return len(b.lookups) < maxBatch && b.bytes+q.bytes() <= maxBatchBytes
}

func (b *batch) add(l *lookup) {
	b.lookups, b.bytes = append(b.lookups, l), b.bytes+l.query.bytes()
}

// batches splits lookups so that each part fits into one call.
func batches(all []*lookup) (parts []batch) {
	for _, l := range all {
		if len(parts) == 0 || !parts[len(parts)-1].fits(l.query) {
			parts = append(parts, batch{})
		}
		parts[len(parts)-1].add(l)
	}
	return parts
}

// soon is the queries that will be asked soon, by the call that they can share, the earliest first.
type soon struct {
	order  map[batchKey][]TargetQuery // some of which were dropped
	wanted map[TargetQuery]struct{}
}

func newSoon() soon {
	return soon{order: map[batchKey][]TargetQuery{}, wanted: map[TargetQuery]struct{}{}}
}

func (s soon) add(q TargetQuery) {
	key := q.batch()
	if _, there := s.wanted[q]; there || len(s.order[key]) == maxSoon {
		return
	}
	s.wanted[q] = struct{}{}
	s.order[key] = append(s.order[key], q)
}

func (s soon) drop(q TargetQuery) { delete(s.wanted, q) }

// next takes the earliest query of a kind off, if it fits.
func (s soon) next(key batchKey, fits func(TargetQuery) bool) (TargetQuery, bool) {
	for len(s.order[key]) > 0 {
		q := s.order[key][0]
		if _, wanted := s.wanted[q]; wanted && !fits(q) {
			return TargetQuery{}, false
		} else if s.order[key] = s.order[key][1:]; wanted {
			delete(s.wanted, q)
			return q, true
		}
	}
	return TargetQuery{}, false
}
