package astro

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
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

// KnownTarget is what was last seen of the target with the id of the query, without a call: one target, or none that is
// there. known is false if nobody has looked, or the query has no id.
func (d *Directory) KnownTarget(q TargetQuery) (found []Target, known bool) {
	row, known := d.targets.rows.get(q.plain())
	if !known || q.ID == "" {
		return nil, false
	}
	if row.exists {
		found = []Target{row.target}
	}
	return found, true
}

// WouldSee reports whether Astro would show the target with the id to this credential if it were there: it has before, or the
// credential's own token is an Organization owner's, by roles that were trusted. To any other, what it may not see is as what
// there is not.
func (d *Directory) WouldSee(kind EntityType, id string) bool {
	if row, known := d.targets.rows.get(TargetQuery{Kind: kind, ID: id}); known && row.seen {
		return true
	}
	return d.Doubt() == "" && slices.ContainsFunc(d.TrustedRoles(), func(right string) bool {
		return strings.HasPrefix(right, string(EntityOrganization)+"/") && strings.HasSuffix(right, "=ORGANIZATION_OWNER")
	})
}

// RefreshTargets looks at the targets with the ids, in batches, and returns which targets changed since it was last asked:
// the Workspace they are in, their name, or whether they exist. What it cannot look at stays as it was last seen, and so does
// what it does not find unless the listing of tokens is evidence: else the credential may just see less than before.
func (d *Directory) RefreshTargets(ctx context.Context, ids []TargetQuery) (changed []TargetQuery, err error) {
	evidence := d.Doubt() == ""
	d.targets.rows.only(ids)
	byKind := map[batchKey][]*lookup{}
	for _, id := range ids {
		key := batchKey{kind: id.Kind}
		byKind[key] = append(byKind[key], &lookup{query: id.plain()})
	}
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(sweepCalls)
	for key, all := range byKind {
		for _, b := range batches(all) {
			work.Go(func() error { return d.targets.lookAgain(ctx, key, b.lookups, evidence) })
		}
	}
	err = work.Wait()
	return d.targets.rows.takeChanged(), err
}

// sweepCalls is how many calls of a sweep are under way at a time, so that they take the slots for reads from nobody.
const sweepCalls = 4

func (c *targetCache) lookAgain(ctx context.Context, key batchKey, batch []*lookup, evidence bool) error {
	at := c.now()
	targets, err := c.list(ctx, key, batch)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range batch {
		found := l.query.Among(targets)
		if len(found) > 0 || evidence {
			c.rows.put(l.query, found, at, true)
		}
		switch {
		case len(found) == 1:
			c.known[l.query] = targetAnswer{found: found, at: at, until: at.Add(c.ttl)}
		case evidence: // an answer of the last seconds still has it
			delete(c.known, l.query)
		}
	}
	return nil
}
