package token

import (
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/journal"
)

func TestRecoveredAt(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	led := now.Add(-time.Hour)
	r := &Reconciler{Clock: func() time.Time { return now }}
	r.led.Store(&led)
	for name, c := range map[string]struct {
		recovered bool
		claimed   time.Time
		want      time.Time
	}{
		"OfAnEarlierProcess":       {true, led.Add(-time.Hour), led},
		"OfAClockAhead":            {true, now.Add(time.Hour), led},
		"WhileThisOneBegan":        {true, led.Add(time.Minute), led.Add(time.Minute)},
		"OfThisProcess":            {false, now.Add(-time.Minute), now.Add(-time.Minute)},
		"AfterClaimsOfAClockAhead": {false, now.Add(2 * time.Hour), led},
	} {
		if got := r.recoveredAt(journal.Entry{Recovered: c.recovered, ClaimedAt: c.claimed}); !got.Equal(c.want) {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}
