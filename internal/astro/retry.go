package astro

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	maxAttempts  = 4
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = 2 * time.Second
)

// again decides whether to make one more attempt, and waits before it.
func (b *retryBudget) again(ctx context.Context, err error, attempt int, impatient bool) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.final || e.kind != ErrUnreachable && e.kind != ErrThrottled || e.cause != nil { //nolint:errorlint // the kind is one of our own
		return false
	}
	if attempt >= maxAttempts || e.RetryAfter > patience || e.kind == ErrThrottled && impatient || !b.spend() { //nolint:errorlint // as above
		return false
	}
	return pause(ctx, max(backoff(attempt), e.RetryAfter))
}

// backoff doubles from attempt to attempt. Half of it is random, so that calls that failed together do not come back together.
func backoff(attempt int) time.Duration {
	d := min(firstBackoff<<(attempt-1), lastBackoff)
	return d/2 + rand.N(d/2+1)
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// retryBudget keeps retries a small part of all calls: ten in a row, then one for every five calls that succeed. Without
// it, an outage would multiply the calls by four.
type retryBudget struct {
	mu   sync.Mutex
	left float64
}

const (
	maxRetries   = 10
	retryEarning = 0.2
)

func newRetryBudget() *retryBudget { return &retryBudget{left: maxRetries} }

func (b *retryBudget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = min(maxRetries, b.left+retryEarning)
}

func (b *retryBudget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
