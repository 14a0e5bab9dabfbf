package astro

import (
	"fmt"
	"testing"
	"time"
)

// TestMissedTargetsAreBounded is of a namespace that asks for ever other names while no listing succeeds.
func TestMissedTargetsAreBounded(t *testing.T) {
	now := time.Now()
	c := newTargetCache(nil, func() time.Time { return now }, time.Minute, time.Hour)
	query := func(i int) TargetQuery {
		return TargetQuery{Kind: EntityDeployment, Name: fmt.Sprint("d", i), WorkspaceID: "w"}
	}
	waiting := c.begin(query(-1))
	const asked = 3 * maxKnown
	for i := range asked {
		now = now.Add(time.Millisecond)
		c.answer(c.begin(query(i)), nil, nil, now)
		if len(c.known) > maxKnown {
			t.Fatalf("%d answers are kept after %d questions", len(c.known), i+1)
		}
	}
	if _, known := c.answered(query(asked - 1)); !known {
		t.Error("the newest answer is not kept")
	}
	if _, known := c.answered(query(0)); known {
		t.Error("the oldest answer is kept")
	}
	there := Target{Kind: EntityDeployment, ID: "id", Name: query(-1).Name, WorkspaceID: "w"}
	c.answer(waiting, []Target{there}, nil, now)
	if <-waiting.done; len(waiting.found) != 1 {
		t.Error("who waits is answered wrongly")
	}
	if found, known := c.answered(query(-1)); !known || len(found) != 1 {
		t.Error("and who asks next")
	}
}
