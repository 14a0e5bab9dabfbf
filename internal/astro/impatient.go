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

// Impatient is the context of work that others wait for, who use other credentials: while Astro asks a credential to wait, a call
// with it fails with ErrThrottled at once, and so does one that waits for a listing or lookup which another call makes. Only
// where the credential is that of own, which may be nil, a call waits as it always does.
func Impatient(ctx context.Context, own *Client) context.Context {
	var exempt *Limiter
	if own != nil {
		exempt = own.limiter
	}
	return context.WithValue(ctx, impatientKey{}, exempt)
}

// Shares reports whether two clients have the budget of one credential.
func (c *Client) Shares(other *Client) bool { return c.limiter == other.limiter }

// isImpatient reports whether a call of the context does not wait for the limiter.
func (l *Limiter) isImpatient(ctx context.Context) bool {
	exempt, impatient := ctx.Value(impatientKey{}).(*Limiter)
	return impatient && exempt != l
}

// attend waits until something can be received. What is impatient does not wait while Astro asks the credential to, nor longer than
// most while the rate is lowered: the error is a pausedError.
func (b *bucket) attend(ctx context.Context, ready <-chan struct{}, impatient bool, most time.Duration) error {
	if !impatient {
		select {
		case <-ready:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for began := b.clock.Now(); ; {
		if wait := b.heldUp(began, most); wait > 0 {
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
func (b *bucket) heldUp(since time.Time, most time.Duration) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	b.recover(now)
	switch paused := b.pausedUntil.Sub(now); {
	case paused > impatience:
		return paused
	case b.rate < b.ceiling && now.Sub(since) >= most:
		return impatientQueue
	}
	return 0
}
