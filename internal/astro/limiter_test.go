package astro

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// spans are the times of n slots of a bucket, acquired by so many callers at once, since the beginning.
func spans(t *testing.T, l *bucket, n int) []time.Duration {
	t.Helper()
	began := time.Now()
	var (
		mu    sync.Mutex
		times []time.Duration
		wg    sync.WaitGroup
	)
	for range n {
		wg.Go(func() {
			if err := l.acquire(t.Context(), false, false); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			times = append(times, time.Since(began))
		})
	}
	wg.Wait()
	return times
}

func near(a time.Duration, seconds float64) bool {
	return math.Abs(a.Seconds()-seconds) < 0.05+seconds*0.03
}

func TestLaneSpacesCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		times := spans(t, newBucket(systemClock{}, 10), 31)
		for i := 10; i < len(times); i++ {
			if gap := times[i] - times[i-10]; gap < time.Second {
				t.Errorf("11 slots in %s", gap)
			}
		}
		if !near(times[30], 3) {
			t.Errorf("30 slots at 10 a second took %s", times[30])
		}
	})
}

func TestThrottledLaneSlowsDownAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBucket(systemClock{}, 10)
		began := time.Now()
		time.Sleep(time.Minute)
		for range 5 { // of one burst that was under way
			l.throttled(began.Add(59*time.Second), 0)
		}
		if l.rate != 5 {
			t.Errorf("one burst of 429s made it %v a second", l.rate)
		}
		if times := spans(t, l, 6); !near(times[5], 1.2) {
			t.Errorf("6 slots after a 429 took %s", times[5])
		}
		time.Sleep(10 * time.Second)
		if err := l.acquire(t.Context(), false, false); err != nil || l.rate < 6.8 || l.rate > 7.4 {
			t.Errorf("after about 11 s it is at %v a second, %v", l.rate, err)
		}
		time.Sleep(20 * time.Second)
		if times := spans(t, l, 11); !near(times[10], 1) || l.rate != 10 {
			t.Errorf("at last 10 slots took %s, at %v a second", times[10], l.rate)
		}
		for range 20 {
			l.throttled(time.Now(), 0)
			time.Sleep(time.Millisecond)
		}
		if l.rate != floor {
			t.Errorf("it went down to %v a second", l.rate)
		}
	})
}

func TestRetryAfterClosesTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBucket(systemClock{}, 10)
		l.throttled(time.Now(), 3*time.Second)
		if times := spans(t, l, 1); times[0] != 3*time.Second {
			t.Errorf("opened after %s", times[0])
		}
		l.throttled(time.Now(), time.Minute)
		began := time.Now()
		err := l.acquire(t.Context(), false, false)
		if paused, ok := errors.AsType[pausedError](err); !ok || paused.wait != time.Minute || time.Since(began) > 0 {
			t.Errorf("a long wait holds whoever asks: %v after %s", err, time.Since(began))
		}
		l.throttled(time.Now(), 24*time.Hour)
		time.Sleep(maxRetryAfter)
		if err := l.acquire(t.Context(), false, false); err != nil {
			t.Errorf("an absurd wait was believed: %v", err)
		}
	})
}

func TestSlotGivenBackIsTakenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBucket(systemClock{}, 1)
		_ = l.acquire(t.Context(), false, false)
		began, done := time.Now(), make(chan struct{})
		go func() {
			defer close(done)
			_ = l.acquire(t.Context(), false, false)
		}()
		synctest.Wait()
		for range 5 {
			l.giveBack()
		}
		<-done
		if waited := time.Since(began); waited != 0 {
			t.Errorf("waited %s", waited)
		}
		time.Sleep(time.Hour)
		l.giveBack()
		if times := spans(t, l, 2); times[1] < time.Second {
			t.Errorf("slots given back came as a burst: %s", times)
		}
	})
}

func TestUrgentGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBucket(systemClock{}, 1)
		for range 50 {
			go func() { _ = l.acquire(t.Context(), false, false) }()
		}
		synctest.Wait()
		began := time.Now()
		if err := l.acquire(t.Context(), true, false); err != nil || time.Since(began) > 3*time.Second {
			t.Errorf("the urgent one waited %s, %v", time.Since(began), err)
		}
		time.Sleep(2 * time.Minute)
	})
}

func TestGivingUpLeavesTheQueueToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBucket(systemClock{}, 1)
		_ = l.acquire(t.Context(), false, false)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		for range 20 {
			go func() { _ = l.acquire(ctx, false, false) }()
		}
		synctest.Wait()
		if times := spans(t, l, 1); times[0] > 1100*time.Millisecond {
			t.Errorf("those who gave up still cost %s", times[0])
		}
	})
}

func TestBudgetsAreShared(t *testing.T) {
	b := NewBudgets(BudgetOptions{})
	one := b.For("astro", "t1", "a", 20, 8)
	if b.For("astro", "t1", "b", 0, 2) != one || b.For("astro", "t2", "a", 0, 0) == one || b.For("other", "t1", "a", 0, 0) == one {
		t.Fatal("a limiter is of one host and token")
	}
	if one.reads.ceiling != 20 || one.writes.ceiling != 2 {
		t.Errorf("the lowest counts: %v, %v", one.reads.ceiling, one.writes.ceiling)
	}
	b.Drop("astro", "t1", "b")
	if one.reads.ceiling != 20 || one.writes.ceiling != 8 || one.writes.rate != 8 {
		t.Errorf("of those who are left: %v, %v", one.reads.ceiling, one.writes.ceiling)
	}
	b.For("astro", "t1", "a", 0, 0)
	if one.reads.ceiling != defaultReads || one.writes.ceiling != defaultWrites {
		t.Errorf("without figures the published ones: %v, %v", one.reads.ceiling, one.writes.ceiling)
	}
	one.writes.throttled(time.Now(), 0)
	b.For("astro", "t1", "a", 0, 8)
	if one.writes.rate != 5 {
		t.Errorf("an edit undid a 429: %v", one.writes.rate)
	}
}

// TestBudgetsThatNobodyUses: what Astro asked of a credential is remembered for whoever comes back soon, and not for ever.
func TestBudgetsThatNobodyUses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudgets(BudgetOptions{})
		one := b.For("astro", "t1", "a", 0, 0)
		one.reads.throttled(time.Now(), 3*keptFor)
		b.Drop("astro", "t1", "a")
		b.Drop("astro", "t1", "a")
		time.Sleep(2 * keptFor)
		if b.For("astro", "t1", "b", 0, 0) != one {
			t.Error("a Retry-After that is not over was forgotten")
		}
		b.Drop("astro", "t1", "b")
		time.Sleep(2 * keptFor)
		if b.For("astro", "t2", "a", 0, 0); len(b.all) != 1 {
			t.Errorf("%d budgets are left", len(b.all))
		}
	})
}

// TestBudgetsThatAreOne: a secret that was proven to be a token's shares its budget, and so do calls that wait by then.
func TestBudgetsThatAreOne(t *testing.T) {
	b := NewBudgets(BudgetOptions{})
	secret := b.For("astro", "secret", "to prove a", 0, 0)
	b.Join("astro", "secret", "t1")
	if b.For("astro", "t1", "a", 0, 0) != secret {
		t.Error("what was proven does not go on with the budget of its proof")
	}
	b.Drop("astro", "secret", "to prove a")
	b.For("astro", "rotated", "to prove a", 0, 0)
	b.Join("astro", "rotated", "t1")
	if b.For("astro", "rotated", "to prove b", 0, 0) != secret || b.For("astro", "unknown", "to prove c", 0, 0) == secret {
		t.Error("each proven secret has the budget of the token, and no other has")
	}
}
