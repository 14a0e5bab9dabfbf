package astro

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// impatientWorld is one in which something was listed.
type impatientWorld struct {
	*world

	known *Directory
}

// TestImpatient: what others wait for does not wait while Astro asks the credential to, by itself or behind others, and goes on as
// usual otherwise.
func TestImpatient(t *testing.T) {
	cases := map[string]struct {
		reason string
		before func(*impatientWorld)
		do     func(context.Context, *impatientWorld) error
		waits  time.Duration // at most
		fails  bool
	}{
		"AtRest": {"Nobody asks to wait.", func(*impatientWorld) {}, func(ctx context.Context, w *impatientWorld) error {
			_, err := w.client.GetToken(ctx, w.ci)
			return err
		}, time.Second, false},
		"Paused": {"A Retry-After is running.", func(w *impatientWorld) { w.client.limiter.reads.throttled(time.Now(), 4*time.Second) }, func(ctx context.Context, w *impatientWorld) error {
			_, err := w.client.GetToken(ctx, w.ci)
			return err
		}, 0, true},
		"Now": {"The call itself is asked to.", func(w *impatientWorld) {
			w.Inject(astrosim.Fault{Kind: astrosim.FaultThrottle, RetryAfter: "4", Times: 1})
		}, func(ctx context.Context, w *impatientWorld) error {
			_, err := w.client.GetToken(ctx, w.ci)
			return err
		}, 0, true},
		"Behind": {"Another call has the turn, and waits.", func(w *impatientWorld) {
			w.client.limiter.reads.throttled(time.Now(), 3*time.Second)
			go func() { _, _ = w.client.GetToken(context.Background(), w.ci) }()
			synctest.Wait()
		}, func(ctx context.Context, w *impatientWorld) error {
			_, err := w.client.GetToken(ctx, w.ci)
			return err
		}, 0, true},
		"Known": {"What was listed before is known without a wait.", func(w *impatientWorld) {
			w.known = NewDirectory(w.client, DirectoryOptions{SelfID: w.self})
			_ = w.known.AlikeTargets(context.Background(), TargetQuery{Kind: EntityWorkspace, Name: "DATA"})
			w.client.limiter.reads.throttled(time.Now(), 4*time.Second)
		}, func(ctx context.Context, w *impatientWorld) error {
			if len(w.known.AlikeTargets(ctx, TargetQuery{Kind: EntityWorkspace, Name: "DATA"})) == 0 {
				return errors.New("the name that looks alike is not known")
			}
			return nil
		}, 0, false},
		"Own": {"It is the work's own credential.", func(w *impatientWorld) { w.client.limiter.reads.throttled(time.Now(), 4*time.Second) }, func(ctx context.Context, w *impatientWorld) error {
			_, err := w.client.GetToken(Impatient(ctx, w.client), w.ci)
			return err
		}, 5 * time.Second, false},
		"Listing": {"A listing of another's is asked to wait.", func(w *impatientWorld) {
			w.Inject(astrosim.Fault{Kind: astrosim.FaultThrottle, RetryAfter: "4", Times: 1})
		}, func(ctx context.Context, w *impatientWorld) error {
			return NewDirectory(w.client, DirectoryOptions{SelfID: w.self}).RefreshIfOlder(ctx, 0)
		}, impatience, true},
		"Target": {"So is a lookup.", func(w *impatientWorld) {
			w.Inject(astrosim.Fault{Kind: astrosim.FaultThrottle, RetryAfter: "4", Times: 1})
		}, func(ctx context.Context, w *impatientWorld) error {
			_, err := NewDirectory(w.client, DirectoryOptions{SelfID: w.self}).Targets(ctx, TargetQuery{Kind: EntityWorkspace, Name: "data"})
			return err
		}, impatience + 10*time.Millisecond, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &impatientWorld{world: newBubbleWorld(astrosim.Options{})}
				c.before(w)
				began := time.Now()
				err := c.do(Impatient(t.Context(), nil), w)
				if took := time.Since(began); took > c.waits {
					t.Errorf("%s It waits for %s", c.reason, took)
				}
				if !c.fails && err != nil || c.fails && (!errors.Is(err, ErrThrottled) || RetryAfter(err) <= time.Second) {
					t.Errorf("%s got %v, again after %s", c.reason, err, RetryAfter(err))
				}
				time.Sleep(time.Minute) // for what goes on by itself
			})
		})
	}
}

// TestImpatientInAQueue: while the rate is lowered, what others wait for does not queue for long.
func TestImpatientInAQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(systemClock{}, 1)
		b.throttled(time.Now(), time.Millisecond)
		time.Sleep(time.Second)
		for range 5 {
			go func() { _ = b.acquire(context.Background(), false, false) }()
		}
		synctest.Wait()
		began := time.Now()
		err := b.acquire(t.Context(), false, true)
		if _, paused := errors.AsType[pausedError](err); !paused || time.Since(began) > impatientQueue+impatience {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		time.Sleep(time.Minute)
	})
}
