package astro

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// targetRows are what was last seen of targets by their ids, whoever looked. Rules and grants hang on where a Deployment is,
// and on whether it exists, so each sweep looks at all that are claimed.
type targetRows struct {
	mu      sync.Mutex
	rows    map[TargetQuery]targetRow
	changed map[TargetQuery]struct{} // since a sweep last told
}

// targetRow is one target, or that there is none.
type targetRow struct {
	target Target
	exists bool
	seen   bool      // it was there once
	at     time.Time // when the call that showed it began
}

func newTargetRows() *targetRows {
	return &targetRows{rows: map[TargetQuery]targetRow{}, changed: map[TargetQuery]struct{}{}}
}

// put takes in what a call showed that began at the time; that it showed nothing is for the caller to judge. What differs from
// what was known is a change. What was not known is one only if a sweep has found it: else whoever looked knows it.
func (r *targetRows) put(id TargetQuery, found []Target, at time.Time, swept bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old, known := r.rows[id]
	if len(found) > 1 || known && old.at.After(at) {
		return
	}
	now := targetRow{exists: len(found) == 1, seen: old.seen || len(found) == 1, at: at}
	if now.exists {
		now.target = found[0]
	}
	if known && (old.exists != now.exists || old.target != now.target) || !known && swept {
		r.changed[id] = struct{}{}
	}
	r.rows[id] = now
}

// only drops the rows of other targets, which nobody claims any more.
func (r *targetRows) only(ids []TargetQuery) {
	wanted := make(map[TargetQuery]struct{}, len(ids))
	for _, id := range ids {
		wanted[id] = struct{}{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.rows, func(id TargetQuery, _ targetRow) bool {
		_, is := wanted[id]
		return !is
	})
}

// takeChanged returns what changed since it was last asked.
func (r *targetRows) takeChanged() []TargetQuery {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.SortedFunc(maps.Keys(r.changed), TargetQuery.Compare)
	clear(r.changed)
	return all
}

func (r *targetRows) get(id TargetQuery) (row targetRow, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	row, known = r.rows[id]
	return row, known
}

// sweepCalls is how many calls of a sweep are under way at a time, so that they take the slots for reads from nobody.
const sweepCalls = 4
