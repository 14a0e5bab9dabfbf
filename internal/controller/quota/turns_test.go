package quota

import (
	"fmt"
	"testing"
	"time"
)

// TestTurnsBeyondTheShare has everybody of a namespace come when he was told to, and again in between.
func TestTurnsBeyondTheShare(t *testing.T) {
	turns, now := NewTurns[string](1, 3), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	waits := func(namespace, k string, urgent bool, want time.Duration) {
		t.Helper()
		if got := turns.Take(namespace, k, urgent, now); got != want {
			t.Errorf("%s waits for %s, want %s", k, got, want)
		}
	}
	for i, want := range []time.Duration{0, 0, 0, time.Second, 2 * time.Second, 3 * time.Second} {
		waits("busy", fmt.Sprint(i), false, want)
	}
	waits("busy", "4", false, 2*time.Second) // has one turn, however often it comes
	waits("other", "0", false, 0)
	waits("busy", "new", true, time.Second) // goes before the others, and after what is urgent as well
	waits("busy", "newer", true, 2*time.Second)
	waits("busy", "3", false, 3*time.Second)
	waits("busy", "5", true, 3*time.Second) // has become urgent
	waits("busy", "5", false, 3*time.Second)

	now = now.Add(time.Second)
	waits("busy", "3", false, 3*time.Second)
	waits("busy", "new", true, 0)
	waits("busy", "new", false, 5*time.Second) // comes again, and last
	turns.Leave("busy", "newer")
	waits("busy", "5", false, time.Second)

	now = now.Add(time.Second)
	waits("busy", "3", false, time.Second)
	waits("busy", "5", false, 0)
	now = now.Add(10 * time.Second)
	waits("busy", "3", false, 0) // what does not come holds up nobody for long
	waits("busy", "new", false, 0)
	waits("busy", "4", false, 0)
	if len(turns.all) != 0 {
		t.Errorf("%d namespaces are remembered, in which nobody waits", len(turns.all))
	}
}
