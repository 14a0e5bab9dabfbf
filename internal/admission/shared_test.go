package admission

import (
	"fmt"
	"slices"
	"testing"
)

// calledAs is as which number the key is called, if nothing else happens.
func calledAs(h *hall, key string) int { return slices.Index(h.Next("c", 100), key) + 1 }

// TestASharedKeyIsCalledInTheFirstTurn: a neighbour who has a part in a key, or edits it beyond his share, does not take it into his own
// turn.
func TestASharedKeyIsCalledInTheFirstTurn(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		rank   Rank
		edited bool
		flood  bool // what else the neighbour waits for is urgent
	}{
		"Alone":      {"The neighbour has no part in it.", Rank{Namespaces: []string{"a"}}, false, false},
		"Bound":      {"He has bound it.", Rank{Namespaces: []string{"a", "z"}}, false, false},
		"BoundFirst": {"He comes first in the alphabet.", Rank{Namespaces: []string{"z", "a"}}, false, false},
		"Edited":     {"He has edited it.", Rank{Namespaces: []string{"a", "z"}}, true, false},
		"Urgent":     {"A user waits for it, and he has edited it.", Rank{Namespaces: []string{"a"}, Urgent: true}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHall(1)
			h.enter(t, true, "first", Rank{}, "c")
			for i := range 50 {
				h.enter(t, false, fmt.Sprint("z", i), Rank{Namespaces: []string{"z"}, Urgent: c.flood}, "c")
			}
			h.enter(t, false, "shared", c.rank, "c")
			if c.edited {
				h.Edited("shared", "z", false)
			}
			if at := calledAs(h, "shared"); at != 2 {
				t.Errorf("%s It is called as number %d", c.reason, at)
			}
		})
	}
}

// TestNobodysEditsAreServedInAnothersTurn: whoever edits, beyond his share, keys in which others have a part does not hold up what those
// have alone.
func TestNobodysEditsAreServedInAnothersTurn(t *testing.T) {
	h := newHall(1)
	h.enter(t, true, "first", Rank{}, "c")
	for i := range 50 {
		key := fmt.Sprint("shared", i)
		h.Edited(key, "z", false)
		h.enter(t, false, key, Rank{Namespaces: []string{"a", "z"}}, "c")
	}
	h.enter(t, false, "alone", Rank{Namespaces: []string{"a"}}, "c")
	if at := calledAs(h, "alone"); at < 1 || at > 3 {
		t.Errorf("it is called as number %d", at)
	}
}
