package main

import (
	"context"
	"time"
)

// calm is for how long nothing may happen for an operator to be at rest. It is shorter than the shortest sweep interval.
const calm = 1500 * time.Millisecond

// activity is what moves while an operator works.
type activity struct{ calls, writes, worked int }

// rest waits until the operator has nothing to do, and says when it did something last.
func (w *world) rest(ctx context.Context) (last time.Time, err error) {
	last = time.Now()
	before := activity{}
	err = poll(ctx, seldom, 5*time.Minute, func() (bool, error) {
		u, err := w.operator.usage()
		if err != nil {
			return false, err
		}
		now := activity{w.org.calls().total(), u.writes(), u.worked}
		if now != before || u.waiting > 0 {
			before, last = now, time.Now()
		}
		return time.Since(last) > calm, nil
	})
	return last, err
}
