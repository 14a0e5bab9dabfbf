package admission

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// hall is a number of lines with a state of throttling of the test's own.
type hall struct {
	*Slots[string, string]

	slow map[string]bool
}

func newHall(places int) *hall {
	return &hall{Slots: NewSlots[string, string](places), slow: map[string]bool{}}
}

func (h *hall) enter(token string, r Rank, connections ...string) (bool, []WakeUp[string]) {
	var through []Way[string]
	for _, c := range connections {
		key := c
		through = append(through, Way[string]{Key: key, Throttled: func() bool { return h.slow[key] }})
	}
	return h.Acquire(token, through, r)
}

func (h *hall) leave(token string) []WakeUp[string] { return h.Leave(token) }

func names(called []WakeUp[string]) []string {
	var all []string
	for _, c := range called {
		all = append(all, c.Key)
	}
	return all
}

func wantCalled(t *testing.T, called []WakeUp[string], want ...string) {
	t.Helper()
	if got := names(called); len(got) != len(want) || (len(want) > 0 && got[0] != want[0]) {
		t.Fatalf("called %v, want %v", got, want)
	}
}

func (h *hall) mustEnter(t *testing.T, want bool, token string, r Rank, connections ...string) {
	t.Helper()
	if entered, _ := h.enter(token, r, connections...); entered != want {
		t.Fatalf("token %s entered: %v, want %v", token, entered, want)
	}
}

func TestALineIsFirstComeFirstServedAmongEquals(t *testing.T) {
	h := newHall(1)
	h.mustEnter(t, true, "a", Rank{}, "c")
	for _, token := range []string{"b", "d", "e"} {
		h.mustEnter(t, false, token, Rank{}, "c")
	}
	wantCalled(t, h.leave("a"), "b")
	h.mustEnter(t, false, "d", Rank{}, "c") // the place is b's by now
	h.mustEnter(t, true, "b", Rank{}, "c")
	wantCalled(t, h.leave("b"), "d")
}

func TestAPlaceIsKeptByATokenWhoseConnectionIsNotKnownYet(t *testing.T) {
	h := newHall(1)
	h.mustEnter(t, true, "a", Rank{}, "c")
	h.mustEnter(t, false, "by-name", Rank{}, "c")
	h.mustEnter(t, false, "d", Rank{}, "c")
	wantCalled(t, h.leave("a"), "by-name")
	h.mustEnter(t, true, "by-name", Rank{}) // its bindings are found by the name that it is yet to get
	h.mustEnter(t, false, "d", Rank{}, "c")
	h.mustEnter(t, true, "by-name", Rank{}, "c")
	wantCalled(t, h.leave("by-name"), "d")
}

func TestAnUrgentTokenGoesFirst(t *testing.T) {
	h := newHall(1)
	h.mustEnter(t, true, "a", Rank{}, "c")
	h.mustEnter(t, false, "old", Rank{}, "c")
	h.mustEnter(t, false, "edited", Rank{Urgent: true, Namespace: "n"}, "c")
	called := h.leave("a")
	wantCalled(t, called, "edited")
	if !called[0].Urgent {
		t.Error("the call of an urgent token is not urgent")
	}
}

func TestATokenThatBecomesUrgentMovesUp(t *testing.T) {
	h := newHall(1)
	h.mustEnter(t, true, "a", Rank{}, "c")
	h.mustEnter(t, false, "b", Rank{}, "c")
	h.mustEnter(t, false, "d", Rank{}, "c")
	h.mustEnter(t, false, "d", Rank{Urgent: true}, "c")
	h.mustEnter(t, false, "d", Rank{}, "c") // and does not move down again
	wantCalled(t, h.leave("a"), "d")
}

func TestNamespacesTakeTurnsInALine(t *testing.T) {
	h := newHall(1)
	h.mustEnter(t, true, "a", Rank{}, "c")
	for i := range 50 {
		h.mustEnter(t, false, "flood"+strconv.Itoa(i), Rank{Urgent: true, Namespace: "flood"}, "c")
	}
	h.mustEnter(t, false, "single", Rank{Urgent: true, Namespace: "single"}, "c")
	wantCalled(t, h.leave("a"), "flood0")
	h.mustEnter(t, true, "flood0", Rank{}, "c")
	wantCalled(t, h.leave("flood0"), "single")
}

func TestAConnectionThatIsFullHoldsNoOtherUp(t *testing.T) {
	h := newHall(1)
	h.mustEnter(t, true, "a", Rank{}, "c")
	h.mustEnter(t, false, "b", Rank{}, "c")
	h.mustEnter(t, true, "x", Rank{}, "d")
}

func TestATokenOfTwoConnectionsWaitsForTheThrottledOne(t *testing.T) {
	h := newHall(3)
	h.slow["d"] = true
	h.mustEnter(t, true, "a", Rank{}, "d")
	h.mustEnter(t, true, "b", Rank{}, "d")
	h.mustEnter(t, false, "both", Rank{}, "c", "d")
	for _, token := range []string{"x", "y", "z"} {
		h.mustEnter(t, true, token, Rank{}, "c")
	}
	wantCalled(t, h.leave("a"), "both")
	delete(h.slow, "d")
	h.mustEnter(t, false, "both", Rank{}, "c", "d")
	wantCalled(t, h.leave("x"), "both")
	h.mustEnter(t, true, "both", Rank{}, "c", "d")
}

func TestAThrottledConnectionKeepsFewWorkers(t *testing.T) {
	h := newHall(4)
	c := "c"
	h.slow[c] = true
	h.mustEnter(t, true, "a", Rank{}, "c")
	h.mustEnter(t, true, "b", Rank{}, "c")
	h.mustEnter(t, false, "d", Rank{}, "c")
	h.mustEnter(t, false, "e", Rank{}, "c")
	h.slow[c] = false
	wantCalled(t, h.leave("a"), "d", "e")
}

// Whatever comes and goes: no connection has more at work than places, nobody waits where a place is free, and in the end
// everybody has been served and nothing is remembered.
func TestLinesServeEverybody(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		h, todo, served := newHall(1+random.IntN(3)), map[string][]string{}, map[string]bool{}
		var ready, working []string
		for i := range 30 {
			token := strconv.Itoa(i)
			todo[token] = [][]string{{"c"}, {"d"}, {"c", "d"}, {"d", "c"}, {}}[random.IntN(5)]
			ready = append(ready, token)
		}
		for len(ready)+len(working) > 0 {
			var called []WakeUp[string]
			if len(ready) > 0 && (len(working) == 0 || random.IntN(2) == 0) {
				token := ready[0]
				ready = ready[1:]
				var entered bool
				if entered, called = h.enter(token, Rank{Urgent: random.IntN(2) == 0}, todo[token]...); entered {
					working = append(working, token)
				}
			} else {
				token := working[0]
				working, served[token] = working[1:], true
				called = h.leave(token)
			}
			ready = append(ready, names(called)...)
			h.check(t)
		}
		if len(served) != len(todo) || len(h.all) > 0 || len(h.held) > 0 {
			t.Fatalf("seed %d: served %d of %d; left: %d lines, %d places", seed, len(served), len(todo), len(h.all), len(h.held))
		}
	}
}

func (h *hall) check(t *testing.T) {
	t.Helper()
	for c, at := range h.all {
		if at.taken > h.places || (len(at.waiting) > 0 && at.taken < h.places) {
			t.Fatalf("%s: %d of %d places taken, %d wait", c, at.taken, h.places, len(at.waiting))
		}
	}
}

func TestFairnessSpreadsTheEditsOfANamespace(t *testing.T) {
	fairness := NewFairness[string]()
	for i := range 3 {
		if got := fairness.Enqueued(strconv.Itoa(i), "flood"); got != -i {
			t.Errorf("edit %d has priority %d", i, got)
		}
	}
	if got := fairness.Enqueued("1", "flood"); got != -2 {
		t.Errorf("a token that waits already counts again: %d", got)
	}
	if got := fairness.Enqueued("other", "quiet"); got != 0 {
		t.Errorf("another namespace starts at %d", got)
	}
	for i := range 100 {
		if got := fairness.Enqueued("many"+strconv.Itoa(i), "flood"); got < -levels {
			t.Fatalf("an edit goes behind all levels: %d", got)
		}
	}
	if namespace, asked := fairness.AskedBy("other"); !asked || namespace != "quiet" {
		t.Errorf("asked by %q, %v", namespace, asked)
	}
	fairness.Dequeued("other")
	if _, asked := fairness.AskedBy("other"); !asked {
		t.Error("leaving the queue is taken for being served")
	}
	fairness.Served("other")
	if _, asked := fairness.AskedBy("other"); asked {
		t.Error("a token that was served is still asked for")
	}
	fairness.Dequeued("other")
	if len(fairness.tokens) != 1 || fairness.tokens["flood"] != 103 {
		t.Errorf("left: %v", fairness.tokens)
	}
}
