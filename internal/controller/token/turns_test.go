package token

import "testing"

// TestTurns has one namespace flood the queue, and another ask while its token is being worked on.
func TestTurns(t *testing.T) {
	turns, flood := newTurns(), []TokenKey{{Token: "a"}, {Token: "b"}, {Token: "c"}}
	for i, key := range flood {
		if got := turns.take(key, "loud"); got != -i {
			t.Errorf("token %d of the flood has priority %d", i, got)
		}
	}
	mine := TokenKey{Token: "mine"}
	if got := turns.take(mine, "quiet"); got != 0 {
		t.Errorf("the first token of another namespace has priority %d", got)
	}
	turns.begin(mine)
	turns.take(mine, "quiet") // while it is worked on, and too late for that
	turns.served(mine)
	if namespace, asked := turns.askedBy(mine); !asked || namespace != "quiet" {
		t.Error("an edit that came while the token was worked on is forgotten")
	}
	turns.begin(mine)
	turns.served(mine)
	if _, asked := turns.askedBy(mine); asked {
		t.Error("an edit that was served is still waited for")
	}
	for _, key := range flood {
		turns.begin(key)
	}
	if got := turns.take(flood[0], "loud"); got != 0 {
		t.Errorf("after the flood the priority is %d", got)
	}
}
