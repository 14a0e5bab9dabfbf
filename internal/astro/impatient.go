package astro

import (
	"context"
	"time"
)

const (
	// patience is how long a call waits for a Retry-After to pass. If it is longer, the call fails at once and its worker is
	// free.
	patience = 5 * time.Second
	// impatience is how long one waits for it that holds up others.
	impatience = 250 * time.Millisecond
	// impatientQueue is how long such a call waits for its turn, or for what another call brings: a rate may be low because the
	// connection says so, and a listing may be long.
	impatientQueue = time.Second
)

type impatientKey struct{}

// Impatient is the context of work that others wait for, who use other credentials: while Astro asks a credential to wait, or calls
// wait for its rate limit for longer than a second, a call with it fails with ErrThrottled at once. One that waits for a
// listing or lookup which another call makes does so after a second. Only where the credential is that of own, which may be nil, a
// call waits as it always does.
func Impatient(ctx context.Context, own *Client) context.Context {
	var exempt *Limiter
	if own != nil {
		exempt = own.limiter
	}
	return context.WithValue(ctx, impatientKey{}, exempt)
}

// busy is the error of a call that would wait for so long.
func busy(wait time.Duration) error { return pausedError{wait: max(wait, impatientQueue), busy: true} }

// Shares reports whether two clients have the budget of one credential.
func (c *Client) Shares(other *Client) bool { return c.limiter == other.limiter }

// isImpatient reports whether a call of the context does not wait for the limiter.
func (l *Limiter) isImpatient(ctx context.Context) bool {
	exempt, impatient := ctx.Value(impatientKey{}).(*Limiter)
	return impatient && exempt != l
}

// attend waits until something can be received. What is impatient does not wait while Astro asks the credential to, nor long for
// others: the error is a pausedError.
func (b *bucket) attend(ctx context.Context, ready <-chan struct{}, impatient bool) error {
	if !impatient {
		select {
		case <-ready:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	most := b.longest(ctx)
	late, stop := b.clock.After(most)
	defer stop()
	for {
		paused, changed := b.pause()
		if paused > impatience {
			return pausedError{wait: paused}
		}
		select {
		case <-ready: // whatever else is
			return nil
		default:
		}
		select {
		case <-ready:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-late:
			return busy(most)
		case <-changed:
		}
	}
}

// pause is for how long Astro asks to wait, and a channel that is closed when that changes.
func (b *bucket) pause() (left time.Duration, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pausedUntil.Sub(b.clock.Now()), b.paused
}

// longest is how long an impatient call waits for its turn.
func (b *bucket) longest(ctx context.Context) time.Duration {
	if s, shared := ctx.Value(secondKey{}).(*second); shared {
		return s.left(b.clock.Now())
	}
	return impatientQueue
}
