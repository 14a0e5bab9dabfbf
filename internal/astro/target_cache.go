package astro

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	lookupTimeout = time.Minute
	// targetTTL is how long an answer is kept: a name may pass to another target, and a Deployment may move to another
	// Workspace.
	targetTTL = 10 * time.Second
	// maxKnown is how many answers are kept, so that whoever asks for ever other names cannot fill the memory while no listing succeeds.
	maxKnown = 20_000
)

// targetCache caches targets and folds the lookups of many callers into few calls.
type targetCache struct {
	client *Client
	now    func() time.Time
	ttl    time.Duration
	window time.Duration
	rows   *targetRows

	mu     sync.Mutex
	known  map[TargetQuery]targetAnswer
	asking map[TargetQuery]*lookup
	next   map[batchKey][]*lookup // gathered for the next call
	busy   map[batchKey]bool      // a round of calls is under way
	soon   soon
	round  int // counts the listings of tokens
}

func newTargetCache(c *Client, now func() time.Time, ttl, window time.Duration) *targetCache {
	return &targetCache{
		client: c, now: now, ttl: ttl, window: window, rows: newTargetRows(),
		known: map[TargetQuery]targetAnswer{}, asking: map[TargetQuery]*lookup{}, next: map[batchKey][]*lookup{}, busy: map[batchKey]bool{},
		soon: newSoon(),
	}
}

func (c *targetCache) lookUp(ctx context.Context, q TargetQuery) ([]Target, error) {
	q = q.plain()
	if q.Kind != EntityWorkspace && q.Kind != EntityDeployment || q.ID == "" && q.Name == "" {
		return nil, invalid("look up a target", "it takes a Workspace or Deployment with an id or a name")
	}
	found, l := c.ask(q)
	if l == nil {
		return found, nil
	}
	if err := c.client.await(ctx, "look up a target", l.done); err != nil {
		return nil, err
	}
	return slices.Clone(l.found), l.err
}

// ask returns a cached answer, or a lookup to wait for.
func (c *targetCache) ask(q TargetQuery) ([]Target, *lookup) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.soon.drop(q)
	if found, known := c.answered(q); known {
		return slices.Clone(found), nil
	}
	if l := c.asking[q]; l != nil {
		return nil, l
	}
	l, key := c.begin(q), q.batch()
	if c.next[key] = append(c.next[key], l); len(c.next[key]) == 1 {
		time.AfterFunc(c.window, func() { c.send(key) })
	}
	return nil, l
}

// answered is the cached answer to a query.
func (c *targetCache) answered(q TargetQuery) (found []Target, known bool) {
	a, known := c.known[q]
	return a.found, known && (len(a.found) != 1 || c.now().Before(a.until))
}

func (c *targetCache) begin(q TargetQuery) *lookup {
	l := &lookup{query: q, begun: c.now(), into: c.known, round: c.round, done: make(chan struct{})}
	c.asking[q] = l
	return l
}

// expect notes a query that will be asked soon. It makes no call, and is asked with others once a call has room.
func (c *targetCache) expect(q TargetQuery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.soon.add(q.plain())
}

// send makes calls for the gathered lookups, unless calls are under way. Lookups that come meanwhile are gathered for the
// next calls, so a call asks for more the scarcer the slots for reads are.
func (c *targetCache) send(key batchKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy[key] || len(c.next[key]) == 0 {
		return
	}
	c.busy[key] = true
	parts := batches(c.next[key])
	delete(c.next, key)
	c.fill(&parts[len(parts)-1], key)
	go c.sendAll(key, parts)
}

// fill adds queries that will be asked soon to a call, as far as it has room for them.
func (c *targetCache) fill(b *batch, key batchKey) {
	for {
		q, more := c.soon.next(key, b.fits)
		if !more {
			return
		}
		_, known := c.answered(q)
		if _, asked := c.asking[q]; !known && !asked {
			b.add(c.begin(q))
		}
	}
}

func (c *targetCache) sendAll(key batchKey, parts []batch) {
	var round sync.WaitGroup
	for _, b := range parts {
		round.Go(func() { c.askFor(key, b.lookups) })
	}
	round.Wait()
	c.mu.Lock()
	c.busy[key] = false
	c.mu.Unlock()
	c.send(key)
}

func (c *targetCache) askFor(key batchKey, batch []*lookup) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	at := c.now()
	targets, err := c.list(ctx, key, batch)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range batch {
		c.answer(l, targets, err, at)
	}
}

func (c *targetCache) list(ctx context.Context, key batchKey, batch []*lookup) ([]Target, error) {
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
		return c.client.ListWorkspaces(ctx, f)
	}
	return c.client.ListDeployments(ctx, f)
}

// answer ends a lookup with what a call showed that began at the time.
func (c *targetCache) answer(l *lookup, targets []Target, err error, at time.Time) {
	l.found, l.err = l.query.Among(targets), err
	if err == nil {
		c.record(l, at)
	}
	if err == nil && (len(l.found) == 1 || l.round == c.round) {
		keep(l.into, l.query, targetAnswer{found: l.found, at: at, until: c.now().Add(c.ttl)})
	}
	if c.asking[l.query] == l {
		delete(c.asking, l.query)
	}
	close(l.done)
}

// keep adds an answer. Where there are too many, the older half goes first: whoever asks for one of those again has it looked up again.
func keep(known map[TargetQuery]targetAnswer, q TargetQuery, a targetAnswer) {
	if len(known) >= maxKnown {
		byAge := slices.SortedFunc(maps.Keys(known), func(a, b TargetQuery) int { return known[a].at.Compare(known[b].at) })
		for _, old := range byAge[:maxKnown/2] {
			delete(known, old)
		}
	}
	known[q] = a
}

// record keeps where a lookup has found targets. That it did not find one is for a sweep to say, which knows whether the
// credential sees what it did before.
func (c *targetCache) record(l *lookup, at time.Time) {
	for _, t := range l.found {
		c.rows.put(TargetQuery{Kind: t.Kind, ID: t.ID}, []Target{t}, at, false)
	}
}

// nextRound drops the answers that are looked up again after each listing.
func (c *targetCache) nextRound() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.round++
	for q, a := range c.known {
		if len(a.found) != 1 || !c.now().Before(a.until) {
			delete(c.known, q)
		}
	}
}

func (c *targetCache) forget(q TargetQuery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q = q.plain()
	delete(c.known, q)
	if l := c.asking[q]; l != nil {
		c.abandon(l)
	}
}

// forgetBefore drops an answer of a call that began before the time.
func (c *targetCache) forgetBefore(q TargetQuery, since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q = q.plain()
	if a, known := c.known[q]; known && a.at.Before(since) {
		delete(c.known, q)
	}
	if l := c.asking[q]; l != nil && l.begun.Before(since) {
		c.abandon(l)
	}
}

// abandon lets a lookup go on for those who wait for it already.
func (c *targetCache) abandon(l *lookup) {
	l.into = map[TargetQuery]targetAnswer{} // its answer may be older than this call
	delete(c.asking, l.query)
}

// forgetMiss drops an answer that is not exactly one target and not younger than age, if it may. It is true if such an answer is
// kept.
func (c *targetCache) forgetMiss(q TargetQuery, age time.Duration, may func() bool) (kept bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q = q.plain()
	a, known := c.known[q]
	switch {
	case !known || len(a.found) == 1:
		return false
	case c.now().Sub(a.at) < age || !may():
		return true
	}
	delete(c.known, q)
	return false
}

func (c *targetCache) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = map[TargetQuery]targetAnswer{}
	c.asking = map[TargetQuery]*lookup{}
}

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
