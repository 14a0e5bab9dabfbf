package astro

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// Astro publishes 25 reads and 10 writes a second for an API token.
	defaultReads  = 25
	defaultWrites = 10
	// margin stays a little below a rate, because calls that leave evenly do not arrive evenly.
	margin = 0.98
	// A 429 halves the rate, down to the floor; it recovers by this part of its ceiling a second, so from half in 25 s.
	floor    = 0.5
	recovery = 0.02
)

// Clock is the time of limiters.
type Clock interface {
	Now() time.Time
	// After is a channel that delivers once d has passed, and a function that ends it early.
	After(d time.Duration) (<-chan time.Time, func())
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) After(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}

// Limiter keeps the rates of one credential, reads and writes apart. Budgets.For makes it.
type Limiter struct{ reads, writes *bucket }

func newLimiter(clock Clock, reads, writes float64) *Limiter {
	return &Limiter{reads: newBucket(clock, reads), writes: newBucket(clock, writes)}
}

// bucket hands out the slots of one verb, one at a time, first come, first served.
type bucket struct {
	clock  Clock
	head   chan struct{} // its content is held by the call that waits for the next slot
	normal chan struct{} // held before head by calls that are not urgent, so an urgent call waits for at most one of them
	wake   chan struct{} // signals that a slot was given back

	mu          sync.Mutex
	limit       *rate.Limiter
	ceiling     float64
	rate        float64
	spare       bool          // one slot that was given back
	pausedUntil time.Time     // no slot until then
	paused      chan struct{} // closed when that changes
	waiting     struct{ urgent, normal int }
	lowered     time.Time
	adjusted    time.Time // of the rate, by lowering or recovery
}

// newBucket makes a bucket without a burst. How Astro measures its rates is not published; evenly spaced calls keep them
// under every measure.
func newBucket(clock Clock, perSecond float64) *bucket {
	b := &bucket{
		clock: clock, head: make(chan struct{}, 1), normal: make(chan struct{}, 1), wake: make(chan struct{}, 1), paused: make(chan struct{}),
		limit: rate.NewLimiter(rate.Limit(perSecond*margin), 1), ceiling: perSecond, rate: perSecond,
	}
	leave(b.head)
	leave(b.normal)
	return b
}

// pausedError says for how long a bucket has no slot for a call that does not wait so long. Its text does not, so that it reads the
// same at each attempt.
type pausedError struct {
	wait time.Duration
	busy bool // Astro has not asked for it: others wait
}

func (e pausedError) Error() string {
	if e.busy {
		return "calls wait for the rate limit of the connection's API token for longer than a second"
	}
	return "Astro has asked to wait, and the time is not over"
}

// acquire waits for a slot.
func (b *bucket) acquire(ctx context.Context, urgent, impatient bool) error {
	wait, leaveQueue := b.join(urgent)
	defer leaveQueue()
	if impatient && wait > b.longest(ctx) {
		return busy(wait)
	}
	if !urgent {
		if err := b.attend(ctx, b.normal, impatient); err != nil {
			return err
		}
		defer leave(b.normal)
	}
	if err := b.attend(ctx, b.head, impatient); err != nil {
		return err
	}
	defer leave(b.head)
	return b.wait(ctx, impatient)
}

// join counts a call among those that wait for a slot, and tells how long it takes until those before it have theirs.
func (b *bucket) join(urgent bool) (wait time.Duration, leaveQueue func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recover(b.clock.Now())
	own, before := &b.waiting.normal, b.waiting.urgent+b.waiting.normal
	if urgent {
		own, before = &b.waiting.urgent, b.waiting.urgent+min(1, b.waiting.normal)
	}
	*own++
	return time.Duration(float64(before) / b.rate * float64(time.Second)), func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		*own--
	}
}

func leave(door chan struct{}) { door <- struct{}{} }

func (b *bucket) wait(ctx context.Context, impatient bool) error {
	most := patience
	if impatient {
		most = min(impatience, b.longest(ctx))
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		paused, free := b.next()
		if paused > most {
			return pausedError{wait: paused}
		}
		if impatient && free > b.longest(ctx) {
			return busy(free)
		}
		if paused <= 0 && free <= 0 {
			return nil
		}
		expired, stop := b.clock.After(max(paused, free))
		select {
		case <-expired:
		case <-b.wake:
		case <-ctx.Done():
		}
		stop()
	}
}

// next takes a slot if one is free. Else it returns how long the bucket stays paused, or how long until a slot is free.
func (b *bucket) next() (paused, free time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	b.recover(now)
	if paused = b.pausedUntil.Sub(now); paused > 0 {
		return paused, 0
	}
	if b.limit.TokensAt(now) >= 1 {
		b.spare = false // a full bucket holds no more
	}
	slot := b.limit.ReserveN(now, 1)
	if free = slot.DelayFrom(now); free <= 0 {
		return 0, 0
	}
	slot.CancelAt(now)
	if b.spare {
		b.spare = false
		return 0, 0
	}
	return 0, free
}

// giveBack returns a slot that was not used. At most one is kept, so that returned slots never make a burst.
func (b *bucket) giveBack() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spare = true
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// throttled lowers the rate after a 429 to a call sent at that time. A call that was sent before the rate was last lowered
// does not lower it again.
func (b *bucket) throttled(sent time.Time, retryAfter time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	b.spare = false
	if !sent.Before(b.lowered) {
		b.setRate(now, max(b.rate/2, min(floor, b.ceiling)))
		b.lowered, b.adjusted = now, now
	}
	if retryAfter <= 0 {
		retryAfter = time.Duration(float64(time.Second) / b.rate)
	}
	if until := now.Add(min(retryAfter, maxRetryAfter)); until.After(b.pausedUntil) {
		b.pausedUntil = until
		close(b.paused)
		b.paused = make(chan struct{})
	}
}

func (b *bucket) recover(now time.Time) {
	seconds := math.Floor(now.Sub(b.adjusted).Seconds())
	if b.rate >= b.ceiling || seconds < 1 {
		return
	}
	b.setRate(now, min(b.ceiling, b.rate+b.ceiling*recovery*seconds))
	b.adjusted = now
}

func (b *bucket) setRate(now time.Time, perSecond float64) {
	b.rate = perSecond
	b.limit.SetLimitAt(now, rate.Limit(perSecond*margin))
}

// setCeiling changes the highest rate. A rate that was lowered still recovers slowly.
func (b *bucket) setCeiling(perSecond float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if perSecond == b.ceiling {
		return
	}
	now := b.clock.Now()
	b.recover(now)
	if b.rate == b.ceiling || b.rate > perSecond {
		b.setRate(now, perSecond)
	}
	b.ceiling = perSecond
}

func (b *bucket) isLowered() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	b.recover(now)
	return b.rate < b.ceiling || b.pausedUntil.After(now)
}
