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

// TestImpatientProof: proof that a token is gone ends also where a listing takes longer than anybody waits for it.
func TestImpatientProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{Latency: 3 * time.Second})
		d := NewDirectory(w.client, DirectoryOptions{SelfID: w.self})
		if err := d.RefreshIfOlder(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		w.DeleteToken(w.ci)
		before := w.Counts().ByEndpoint[astrosim.TokensList]
		prove := func() (bool, error) {
			gone, _, err := d.ProveGone(Impatient(t.Context(), nil), w.ci)
			return gone, err
		}
		if gone, err := prove(); gone || !errors.Is(err, ErrThrottled) {
			t.Errorf("it waits for the listing: %t, %v", gone, err)
		}
		if gone, err := prove(); !gone || err != nil { // the read takes as long as what is left of the listing
			t.Errorf("the listing that was made meanwhile is no proof: %t, %v", gone, err)
		}
		if made := w.Counts().ByEndpoint[astrosim.TokensList] - before; made != 1 {
			t.Errorf("%d listings for one proof", made)
		}
		other := w.AddOrganizationToken(w.org, "other", "ORGANIZATION_MEMBER")
		w.DeleteToken(other)
		again := func() (bool, error) {
			gone, _, err := d.ProveGone(Impatient(t.Context(), nil), other)
			return gone, err
		}
		_, _ = again()
		time.Sleep(2 * listingTimeout)
		if gone, err := again(); gone || !errors.Is(err, ErrThrottled) {
			t.Errorf("a listing is proof that began long before the call: %t, %v", gone, err)
		}
		if len(d.missed) != 1 {
			t.Errorf("%d tokens are remembered as missed", len(d.missed))
		}
		time.Sleep(time.Minute) // for what goes on by itself
	})
}

// TestImpatientBehindOthers: what others wait for does not queue where a connection's own rate limit is low, and keeps its place
// where it is not.
func TestImpatientBehindOthers(t *testing.T) {
	for name, c := range map[string]struct {
		rate    float64
		waiting int
		fails   bool
	}{
		"Slow":  {1, 3, true},
		"Quick": {25, 20, false},
		"Many":  {25, 40, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, end := context.WithCancel(t.Context())
				b := newBucket(systemClock{}, c.rate)
				for range c.waiting { // and whoever has had a turn comes again
					go func() {
						for b.acquire(ctx, false, false) == nil {
						}
					}()
				}
				synctest.Wait()
				began := time.Now()
				err := b.acquire(t.Context(), false, true)
				busy, failed := errors.AsType[pausedError](err)
				if failed != c.fails || failed && (!busy.busy || busy.wait < time.Second || time.Since(began) > 0) || time.Since(began) > time.Second {
					t.Errorf("after %s: %v", time.Since(began), err)
				}
				end()
			})
		})
	}
}
