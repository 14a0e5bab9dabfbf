package astro

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// parties is a world in which parties have connections that let a call through every half second.
type parties struct {
	*world

	ctx context.Context
}

func newParties(ctx context.Context) parties {
	return parties{newBubbleWorld(astrosim.Options{}), Impatient(Together(ctx, new(Seconds)), nil)}
}

// client is one more connection of the party. The next call through it waits for half a second, unless it is idle.
func (p parties) client(party string, idle bool) *Client {
	c := newBubbleWorld(astrosim.Options{}, func(o *Options) { o.Party, o.Limiter = party, newLimiter(systemClock{}, 2, 2) }).client
	if !idle {
		c.limiter.reads.next()
	}
	return c
}

// call makes one, and reports how long it takes.
func (p parties) call(t *testing.T, c *Client, answered bool) time.Duration {
	t.Helper()
	began := time.Now()
	_, err := c.GetOrganization(p.ctx)
	if answered && err != nil || !answered && (!errors.Is(err, ErrThrottled) || RetryAfter(err) < time.Second) {
		t.Errorf("want an answer: %t, got %v, again after %s", answered, err, RetryAfter(err))
	}
	return time.Since(began)
}

// TestTogether: a piece of work waits for a second for all connections of one party, however many they are, and another party loses
// nothing by it.
func TestTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParties(t.Context())
		began := time.Now()
		p.call(t, p.client("team", false), true)
		for range 40 {
			p.call(t, p.client("team", false), false)
		}
		if took := time.Since(began); took > impatientQueue {
			t.Errorf("it waits for %s", took)
		}
		if took := p.call(t, p.client("team", true), true); took > 0 {
			t.Errorf("a call that needs not wait takes %s", took)
		}
		if took := p.call(t, p.client("other", false), true); took < impatience {
			t.Errorf("the other party's call waits for no more than %s", took)
		}
		time.Sleep(time.Minute)
		p.call(t, p.client("team", false), false) // the second is that of the work, and does not come again
	})
}

// TestTogetherSideBySide: calls that wait at the same time spend the second once, and so do those that wait for one listing.
func TestTogetherSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParties(t.Context())
		var all sync.WaitGroup
		for range 40 {
			all.Go(func() { p.call(t, p.client("team", false), true) })
		}
		all.Wait()
		slow := newBubbleWorld(astrosim.Options{Latency: 3 * time.Second}, func(o *Options) { o.Party = "team" })
		began := time.Now()
		for range 40 {
			if err := NewDirectory(slow.client, DirectoryOptions{SelfID: slow.self}).RefreshIfOlder(p.ctx, 0); !errors.Is(err, ErrThrottled) {
				t.Errorf("it waits for a listing: %v", err)
			}
		}
		if took := time.Since(began); took > impatientQueue/2 {
			t.Errorf("it waits for listings for %s", took)
		}
		time.Sleep(time.Minute) // for what goes on by itself
	})
}
