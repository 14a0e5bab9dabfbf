package astro

import (
	"context"
	"time"
)

type impatientKey struct{}

// busy is the error of a call that would wait for so long.
func busy(wait time.Duration) error { return pausedError{wait: max(wait, impatientQueue), busy: true} }

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
