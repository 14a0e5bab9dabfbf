package astro

import (
	"context"
	"time"
)

const (
	// patience is how long a call waits for a Retry-After to pass. If it is longer, the call fails at once and its worker is
	// free.
	patience = 5 * time.Second
	// impatience is how long one waits for it that holds up others, and how often it looks whether the credential has to wait.
	impatience = 250 * time.Millisecond
	// impatientQueue is how long such a call waits for its turn while the rate is lowered.
	impatientQueue = time.Second
)

type impatientKey struct{}

// Impatient is the context of work that others wait for, who may use other credentials: while Astro asks a credential to wait,
// calls with it fail with ErrThrottled at once, as do those that wait for a listing or lookup which another one makes.
func Impatient(ctx context.Context) context.Context {
	return context.WithValue(ctx, impatientKey{}, true)
}

func isImpatient(ctx context.Context) bool { return ctx.Value(impatientKey{}) != nil }

func patienceOf(ctx context.Context) time.Duration {
	if isImpatient(ctx) {
		return impatience
	}
	return patience
}

// attend waits until something can be received. What is impatient does not wait while Astro asks the credential to, nor for long
// while the rate is lowered: the error is a pausedError.
func (b *bucket) attend(ctx context.Context, ready <-chan struct{}) error {
	if !isImpatient(ctx) {
		select {
		case <-ready:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for began := b.clock.Now(); ; {
		if wait := b.heldUp(began); wait > 0 {
			return pausedError{wait}
		}
		look, stop := b.clock.After(impatience)
		select {
		case <-ready:
			stop()
			return nil
		case <-ctx.Done():
			stop()
			return ctx.Err()
		case <-look:
		}
	}
}

// heldUp is for how long what is impatient and waits since then had to wait on; zero if it may.
func (b *bucket) heldUp(since time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	b.recover(now)
	switch paused := b.pausedUntil.Sub(now); {
	case paused > impatience:
		return paused
	case b.rate < b.ceiling && now.Sub(since) >= impatientQueue:
		return impatientQueue
	}
	return 0
}
