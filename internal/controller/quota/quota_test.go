package quota

import (
	"testing"
	"time"
)

func TestQuotaIsOneNamespaces(t *testing.T) {
	q, now := New(2, 3), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 5 {
		if got, want := q.Take("busy", now), i < 3; got != want {
			t.Errorf("the %d. is within the share: %t", i+1, got)
		}
	}
	if !q.Spent("busy", now) || q.Spent("other", now) || !q.Take("other", now) {
		t.Error("one namespace uses up the share of another")
	}
	if now = now.Add(500 * time.Millisecond); q.Spent("busy", now) || !q.Take("busy", now) || q.Take("busy", now) {
		t.Error("half a second at two a second makes one")
	}
	if now = now.Add(2 * time.Minute); !q.Take("third", now) || len(q.all) != 1 {
		t.Errorf("%d namespaces are remembered, of which two have all of their share left", len(q.all))
	}
}
