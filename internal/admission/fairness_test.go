package admission

import "testing"

// TestFairness has one namespace flood the queue, and another ask while its token is being worked on.
func TestFairness(t *testing.T) {
	fairness, flood := NewFairness[string](), []string{"a", "b", "c"}
	for i, key := range flood {
		if got := fairness.Enqueued(key, "loud"); got != -i {
			t.Errorf("token %d of the flood has priority %d", i, got)
		}
	}
	mine := "mine"
	if got := fairness.Enqueued(mine, "quiet"); got != 0 {
		t.Errorf("the first token of another namespace has priority %d", got)
	}
	fairness.Dequeued(mine)
	fairness.Enqueued(mine, "quiet") // while it is worked on, and too late for that
	fairness.Served(mine)
	if namespace, asked := fairness.AskedBy(mine); !asked || namespace != "quiet" {
		t.Error("an edit that came while the token was worked on is forgotten")
	}
	fairness.Dequeued(mine)
	fairness.Served(mine)
	if _, asked := fairness.AskedBy(mine); asked {
		t.Error("an edit that was served is still waited for")
	}
	for _, key := range flood {
		fairness.Dequeued(key)
	}
	if got := fairness.Enqueued(flood[0], "loud"); got != 0 {
		t.Errorf("after the flood the priority is %d", got)
	}
}
