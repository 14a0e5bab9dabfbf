package expiry_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/expiry"
)

const day = 24 * time.Hour

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func TestWithin(t *testing.T) {
	cases := map[string]struct {
		left time.Duration
		want int
	}{
		"Over": {-time.Second, 0}, "Now": {0, 0}, "Minutes": {time.Minute, 1}, "ADay": {day, 1}, "MoreThanADay": {day + 1, 7},
		"AWeek": {7 * day, 7}, "MoreThanAWeek": {7*day + 1, 30}, "AMonth": {30 * day, 30}, "Later": {30*day + 1, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := expiry.Within(now.Add(tc.left), now); got != tc.want {
				t.Errorf("%s are left: want %d days, got %d", tc.left, tc.want, got)
			}
		})
	}
}

// Whoever looks again at each of the times that Next gives misses no step, and is never sent twice to the same one.
func TestNext(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 500 {
		at := now.Add(time.Duration(random.Int64N(int64(60 * day))))
		if i < 40 {
			at = now.Add(time.Duration(i) * day) // as exact as can be
		}
		looked, steps := now, 0
		for expiry.Next(at, looked) > 0 {
			before, next := expiry.Within(at, looked), expiry.Next(at, looked)
			if got := expiry.Within(at, looked.Add(next-1)); got != before {
				t.Fatalf("%s before the end it said %d, and %d sooner than in %s", at.Sub(looked), before, got, next)
			}
			looked = looked.Add(next)
			if steps++; steps > 4 {
				t.Fatalf("%s before the end there are more than 4 steps", at.Sub(now))
			}
			if expiry.Within(at, looked) == before {
				t.Fatalf("%s before the end it still says %d", at.Sub(looked), before)
			}
		}
		if looked.Before(at) {
			t.Fatalf("nobody looks in the last %s", at.Sub(looked))
		}
	}
}
