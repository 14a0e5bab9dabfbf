package main

import (
	"context"
	"fmt"
	"time"
)

const (
	// often is how often to ask what costs nothing, seldom what is work for the one who is asked, and rarely what is work
	// for the operator, which is being measured.
	often  = 10 * time.Millisecond
	seldom = 100 * time.Millisecond
	rarely = 300 * time.Millisecond
	// calm is for how long nothing may happen for an operator to be at rest. It is shorter than the shortest sweep interval.
	calm = 1500 * time.Millisecond
)

// activity is what moves while an operator works.
type activity struct{ calls, writes, worked int }

// rest waits until the operator has nothing to do, and says when it was last seen to do something.
func (w *world) rest(ctx context.Context) (last time.Time, err error) {
	last = time.Now()
	before := activity{}
	err = poll(ctx, rarely, 5*time.Minute, func() (bool, error) {
		u, err := w.operator.usage()
		if err != nil {
			return false, err
		}
		now := activity{w.calls().total(), u.writes(), u.worked}
		if now != before || u.waiting > 0 {
			before, last = now, time.Now()
		}
		return time.Since(last) > calm, nil
	})
	return last, err
}

// poll asks until the answer is yes.
func poll(ctx context.Context, every, within time.Duration, ask func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		if done, err := ask(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("after %s: %w", within, ctx.Err())
		case <-time.After(every):
		}
	}
}
