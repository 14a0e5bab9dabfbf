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
	// margin stays a little below a rate, since calls that leave evenly do not arrive evenly.
	margin = 0.98
	// A 429 halves the rate, down to the floor; it recovers by this part of its ceiling a second, so from half in 25 s.
	floor    = 0.5
	recovery = 0.02
	// maxRetryAfter is the longest Retry-After that is believed.
	maxRetryAfter = 5 * time.Minute
	// patience is how long a call waits out a Retry-After; longer, and it is told to come back, so that it does not hold
	// a worker.
	patience = 5 * time.Second
)

// Clock is the time that limiters go by.
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
type Limiter struct{ reads, writes *lane }

func newLimiter(clock Clock, reads, writes float64) *Limiter {
	return &Limiter{reads: newLane(clock, reads), writes: newLane(clock, writes)}
}

// lane hands out the slots of one verb, one at a time and first come, first served.
type lane struct {
	clock Clock
	turn  chan struct{} // held by the one who waits for the next slot
	gate  chan struct{} // before turn, for those not urgent; so an urgent one waits for one of them at most
	wake  chan struct{} // a slot came back

	mu       sync.Mutex
	bucket   *rate.Limiter
	ceiling  float64
	rate     float64
	spare    bool      // one slot that was given back
	closed   time.Time // no slot until then
	lowered  time.Time
	adjusted time.Time // of the rate, by lowering or recovery
}

// newLane makes a lane without a burst: how Astro measures its rates is not published, and evenly spaced calls keep
// them however it does.
func newLane(clock Clock, perSecond float64) *lane {
	return &lane{
		clock: clock, turn: make(chan struct{}, 1), gate: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		bucket: rate.NewLimiter(rate.Limit(perSecond*margin), 1), ceiling: perSecond, rate: perSecond,
	}
}

// closedError says how long a lane stays closed. Its words do not, since they would be others at each try.
type closedError struct{ wait time.Duration }

func (e closedError) Error() string { return "Astro has asked to wait, and the time is not over" }

// take waits for a slot.
func (l *lane) take(ctx context.Context, urgent bool) error {
	if !urgent {
		if err := enter(ctx, l.gate); err != nil {
			return err
		}
		defer leave(l.gate)
	}
	if err := enter(ctx, l.turn); err != nil {
		return err
	}
	defer leave(l.turn)
	return l.wait(ctx)
}

func enter(ctx context.Context, door chan struct{}) error {
	select {
	case door <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func leave(door chan struct{}) { <-door }

func (l *lane) wait(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		open, free := l.next()
		if open > patience {
			return closedError{open}
		}
		if open <= 0 && free <= 0 {
			return nil
		}
		expired, stop := l.clock.After(max(open, free))
		select {
		case <-expired:
		case <-l.wake:
		case <-ctx.Done():
		}
		stop()
	}
}

// next takes a slot if there is one now. Else it says how long the lane stays closed, or until when none is free.
func (l *lane) next() (open, free time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	l.recover(now)
	if open = l.closed.Sub(now); open > 0 {
		return open, 0
	}
	if l.bucket.TokensAt(now) >= 1 {
		l.spare = false // a full bucket holds no more
	}
	slot := l.bucket.ReserveN(now, 1)
	if free = slot.DelayFrom(now); free <= 0 {
		return 0, 0
	}
	slot.CancelAt(now)
	if l.spare {
		l.spare = false
		return 0, 0
	}
	return 0, free
}

// giveBack returns a slot that was not used. At most one is kept, so that returned slots never add up to a burst.
func (l *lane) giveBack() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spare = true
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// throttled takes note of a 429 to a call sent at that time. Calls that were under way when the rate was lowered tell
// nothing new of it and do not lower it again.
func (l *lane) throttled(sent time.Time, retryAfter time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	l.spare = false
	if !sent.Before(l.lowered) {
		l.setRate(now, max(l.rate/2, min(floor, l.ceiling)))
		l.lowered, l.adjusted = now, now
	}
	if retryAfter <= 0 {
		retryAfter = time.Duration(float64(time.Second) / l.rate)
	}
	if until := now.Add(min(retryAfter, maxRetryAfter)); until.After(l.closed) {
		l.closed = until
	}
}

func (l *lane) recover(now time.Time) {
	seconds := math.Floor(now.Sub(l.adjusted).Seconds())
	if l.rate >= l.ceiling || seconds < 1 {
		return
	}
	l.setRate(now, min(l.ceiling, l.rate+l.ceiling*recovery*seconds))
	l.adjusted = now
}

func (l *lane) setRate(now time.Time, perSecond float64) {
	l.rate = perSecond
	l.bucket.SetLimitAt(now, rate.Limit(perSecond*margin))
}

// setCeiling changes the rate that may be reached. A rate that was lowered still recovers slowly.
func (l *lane) setCeiling(perSecond float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if perSecond == l.ceiling {
		return
	}
	now := l.clock.Now()
	l.recover(now)
	if l.rate == l.ceiling || l.rate > perSecond {
		l.setRate(now, perSecond)
	}
	l.ceiling = perSecond
}
