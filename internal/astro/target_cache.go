package astro

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	maxBatch      = 100
	maxBatchBytes = 6000 // of ids or names in the address of a request, which servers commonly allow 8 KiB
	lookupTimeout = time.Minute
	// nameTTL is how long a target is known by its name, which may be another's by then. An id never is.
	nameTTL = 10 * time.Second
)

// targetBook remembers targets and folds the lookups of many callers into few calls.
type targetCache struct {
	client *Client
	now    func() time.Time
	ttl    time.Duration
	window time.Duration

	mu     sync.Mutex
	known  map[TargetQuery]targetAnswer
	asking map[TargetQuery]*lookup
	next   map[batchKey][]*lookup // gathered for the next call
	busy   map[batchKey]bool      // a round of calls is under way
	round  int                    // listings of tokens so far
}

// targetAnswer with exactly one target is good until its time; any other until the next round.
type targetAnswer struct {
	found []Target
	until time.Time
}

// batchKey tells apart what cannot share a call.
type batchKey struct {
	kind   EntityType
	byName bool
}

// lookup is one question, shared by all who ask it at the same time.
type lookup struct {
	query TargetQuery
	into  map[TargetQuery]targetAnswer // where to keep the answer: nobody's any more once the book was expired
	round int
	done  chan struct{}

	// Set when done.
	found []Target
	err   error
}

func newTargetCache(c *Client, now func() time.Time, ttl, window time.Duration) *targetCache {
	return &targetCache{
		client: c, now: now, ttl: ttl, window: window,
		known: map[TargetQuery]targetAnswer{}, asking: map[TargetQuery]*lookup{}, next: map[batchKey][]*lookup{}, busy: map[batchKey]bool{},
	}
}

func (b *targetCache) lookUp(ctx context.Context, q TargetQuery) ([]Target, error) {
	q = q.plain()
	if q.Kind != EntityWorkspace && q.Kind != EntityDeployment || q.ID == "" && q.Name == "" {
		return nil, invalid("look up a target", "it takes a Workspace or Deployment with an id or a name")
	}
	found, l := b.ask(q)
	if l == nil {
		return found, nil
	}
	select {
	case <-l.done:
		return slices.Clone(l.found), l.err
	case <-ctx.Done():
		return nil, gaveUp("look up a target", ctx.Err())
	}
}

// ask returns the answer that is known, or a lookup to wait for.
func (b *targetCache) ask(q TargetQuery) ([]Target, *lookup) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a, ok := b.known[q]; ok && (len(a.found) != 1 || b.now().Before(a.until)) {
		return slices.Clone(a.found), nil
	}
	if l := b.asking[q]; l != nil {
		return nil, l
	}
	l := &lookup{query: q, into: b.known, round: b.round, done: make(chan struct{})}
	b.asking[q] = l
	key := batchKey{q.Kind, q.ID == ""}
	if b.next[key] = append(b.next[key], l); len(b.next[key]) == 1 {
		time.AfterFunc(b.window, func() { b.send(key) })
	}
	return nil, l
}

// send asks for what was gathered, unless a round of calls is under way: what is asked meanwhile is gathered for the next
// one, so that the scarcer the slots for reads are, the more each call asks for.
func (b *targetCache) send(key batchKey) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.busy[key] || len(b.next[key]) == 0 {
		return
	}
	b.busy[key] = true
	gathered := b.next[key]
	delete(b.next, key)
	go b.sendAll(key, batches(gathered))
}

func (b *targetCache) sendAll(key batchKey, parts [][]*lookup) {
	var round sync.WaitGroup
	for _, batch := range parts {
		round.Go(func() { b.call(key, batch) })
	}
	round.Wait()
	b.mu.Lock()
	b.busy[key] = false
	b.mu.Unlock()
	b.send(key)
}

// batches parts lookups so that each part fits into one request.
func batches(all []*lookup) [][]*lookup {
	var parts [][]*lookup
	bytes := 0
	for _, l := range all {
		size := 3*len(l.query.value()) + len("&deploymentIds=")
		last := len(parts) - 1
		if last < 0 || len(parts[last]) == maxBatch || bytes+size > maxBatchBytes {
			parts, bytes, last = append(parts, nil), 0, last+1
		}
		parts[last], bytes = append(parts[last], l), bytes+size
	}
	return parts
}

func (b *targetCache) call(key batchKey, batch []*lookup) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	targets, err := b.list(ctx, key, batch)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range batch {
		b.answer(l, targets, err)
	}
}

func (b *targetCache) list(ctx context.Context, key batchKey, batch []*lookup) ([]Target, error) {
	values := make([]string, len(batch))
	for i, l := range batch {
		values[i] = l.query.value()
	}
	slices.Sort(values)
	values = slices.Compact(values)
	f := Filter{IDs: values}
	if key.byName {
		f = Filter{Names: values}
	}
	if key.kind == EntityWorkspace {
		return b.client.ListWorkspaces(ctx, f)
	}
	return b.client.ListDeployments(ctx, f)
}

func (b *targetCache) answer(l *lookup, targets []Target, err error) {
	for _, t := range targets {
		if l.query.matches(t) {
			l.found = append(l.found, t)
		}
	}
	l.err = err
	if err == nil && (len(l.found) == 1 || l.round == b.round) {
		l.into[l.query] = targetAnswer{found: l.found, until: b.now().Add(b.keep(l.query))}
	}
	if b.asking[l.query] == l {
		delete(b.asking, l.query)
	}
	close(l.done)
}

func (b *targetCache) keep(q TargetQuery) time.Duration {
	if q.ID == "" {
		return min(b.ttl, nameTTL)
	}
	return b.ttl
}

// nextRound drops what is to be looked up again once a sweep.
func (b *targetCache) nextRound() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.round++
	for q, a := range b.known {
		if len(a.found) != 1 || !b.now().Before(a.until) {
			delete(b.known, q)
		}
	}
}

func (b *targetCache) forget(q TargetQuery) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.known, q.plain())
}

func (b *targetCache) expire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.known = map[TargetQuery]targetAnswer{}
	b.asking = map[TargetQuery]*lookup{}
}
