package admission

import (
	"slices"
	"strconv"
	"testing"
	"time"
)

// hall is a line with a clock and credentials of the test's own.
type hall struct {
	*Line[string, string]

	now  time.Time
	slow map[string]bool
}

func newHall(places int) *hall {
	h := &hall{now: time.Unix(1000, 0), slow: map[string]bool{}}
	h.Line = NewLine[string, string](places, func() time.Time { return h.now })
	return h
}

func (h *hall) way(credential string) Way[string] {
	return Way[string]{Credential: credential, Throttled: func() bool { return h.slow[credential] }}
}

func (h *hall) enter(t *testing.T, want bool, key string, r Rank, credentials ...string) {
	t.Helper()
	if !h.Begin(key) {
		t.Fatalf("%s may not be worked on", key)
	}
	var through []Way[string]
	for _, c := range credentials {
		through = append(through, h.way(c))
	}
	if entered := h.Enter(key, through, r); entered != want {
		t.Fatalf("%s entered: %t", key, entered)
	}
}

func (h *hall) write(t *testing.T, want bool, key, credential string, r Rank) []string {
	t.Helper()
	granted, woken := h.Write(key, h.way(credential), r)
	if granted != want {
		t.Fatalf("%s may write: %t", key, granted)
	}
	return names(woken)
}

// writers lets so many keys prepare a write.
func (h *hall) writers(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		key := "writer-" + strconv.Itoa(i)
		h.enter(t, true, key, Rank{}, "c")
		h.write(t, true, key, "c", Rank{})
	}
}

// end works on the key to its end.
func (h *hall) end(key string) []string {
	h.Begin(key)
	return names(h.Leave(key))
}

func names(woken []WakeUp[string]) (all []string) {
	for _, w := range woken {
		all = append(all, w.Key)
	}
	return all
}

func called(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("called %v, want %v", got, want)
	}
}

func TestAtRestNothingWaits(t *testing.T) {
	h := newHall(8)
	h.Edited("a", "ns", true)
	if !h.Begin("a") {
		t.Fatal("a key that waits for nothing may not be worked on")
	}
	h.enter(t, true, "a", Rank{}, "c")
	h.write(t, true, "a", "c", Rank{})
	called(t, names(h.Slot("a")))
	called(t, h.end("a"))
	h.Served("a")
	if len(h.queues)+len(h.placed)+len(h.waits)+len(h.edits) > 0 {
		t.Errorf("something is left: %+v", h.Line)
	}
}

func TestAKeyThatWaitsIsLeftAloneUntilItIsCalled(t *testing.T) {
	h := newHall(1)
	h.enter(t, true, "a", Rank{}, "c")
	h.enter(t, false, "b", Rank{}, "c")
	if h.Begin("b") {
		t.Error("a key that waits may be worked on")
	}
	called(t, h.end("a"), "b")
	if !h.Begin("b") {
		t.Error("a key that was called may not be worked on")
	}
	h.enter(t, true, "b", Rank{}, "c")
}

func TestWhoWaitsToWriteGivesItsPlaceToOthers(t *testing.T) {
	h := newHall(writersAhead + 1)
	h.writers(t, writersAhead)
	h.enter(t, true, "late", Rank{}, "c")
	h.enter(t, false, "other", Rank{}, "c")
	called(t, h.write(t, false, "late", "c", Rank{}), "other")
	called(t, h.end("other"))
	called(t, names(h.Slot("writer-0")), "late")
	h.enter(t, true, "late", Rank{}, "c")
	h.write(t, true, "late", "c", Rank{})
}

func TestNobodyOvertakesWhoWaitsToWrite(t *testing.T) {
	h := newHall(writersAhead + 2)
	h.writers(t, writersAhead)
	h.enter(t, true, "first", Rank{}, "c")
	h.write(t, false, "first", "c", Rank{})
	h.enter(t, true, "second", Rank{}, "c")
	h.write(t, false, "second", "c", Rank{})
	for _, key := range []string{"x", "y"} {
		h.enter(t, true, key, Rank{}, "c")
	}
	called(t, names(h.Slot("writer-0"))) // there is no place for it
	called(t, h.write(t, false, "x", "c", Rank{}), "first")
	called(t, names(h.Slot("writer-1")))
	called(t, h.end("y"), "second")
	called(t, h.end("writer-1"))
	called(t, names(h.Slot("writer-2")), "x")
}

func TestAThrottledCredentialKeepsFewAtWorkAndHoldsNoOtherUp(t *testing.T) {
	h := newHall(8)
	h.slow["c"] = true
	h.enter(t, true, "a", Rank{}, "c")
	h.enter(t, true, "b", Rank{}, "c")
	h.enter(t, false, "d", Rank{}, "c")
	h.enter(t, true, "both", Rank{}, "c", "e") // it does not wait for the one that is slowed down
	h.enter(t, true, "x", Rank{}, "e")
	h.slow["c"] = false
	called(t, h.end("a"), "d")
	h.slow["c"], h.slow["e"] = true, true
	h.enter(t, false, "slow", Rank{}, "c", "e") // unless all of them are
}

func TestAKeyThatIsToWriteWithAnotherCredentialIsCalledForIt(t *testing.T) {
	h := newHall(1)
	h.enter(t, true, "a", Rank{}, "d")
	h.enter(t, false, "b", Rank{}, "d")
	called(t, h.write(t, false, "a", "c", Rank{}), "b", "a")
	called(t, names(h.Leave("a")))     // it is promised its place while it is still worked on
	h.enter(t, true, "a", Rank{}, "d") // that it is to write with the other one does not show yet
	h.write(t, true, "a", "c", Rank{})
	called(t, h.end("a"))
	h.enter(t, true, "b", Rank{}, "d")
	called(t, h.end("b"))
}

func TestWithoutACredentialThereIsNothingToWaitFor(t *testing.T) {
	h := newHall(1)
	h.enter(t, true, "a", Rank{}, "c")
	h.enter(t, true, "b", Rank{})
	called(t, names(h.Slot("b")))
	called(t, h.end("b"))
}

func TestAnEditThatComesWhileAKeyIsWorkedOnIsStillToBeServed(t *testing.T) {
	h := newHall(1)
	h.Edited("a", "one", true)
	h.Begin("a")
	h.Edited("a", "two", true)
	h.Served("a")
	if by := h.edits["a"].namespaces; !slices.Equal(by, []string{"two"}) {
		t.Errorf("it is edited by %q", by)
	}
	h.Begin("a")
	h.Served("a")
	if _, edited := h.edits["a"]; edited {
		t.Error("an edit that was served is still waited for")
	}
}

// TestEnterTakesAPlaceThatIsLeft: a key that may be worked on with several credentials does not wait for one while another has room.
func TestEnterTakesAPlaceThatIsLeft(t *testing.T) {
	h := newHall(1)
	h.enter(t, true, "first", Rank{}, "busy")
	h.enter(t, true, "either", Rank{}, "busy", "free")
	if h.placed["either"].credential != "free" {
		t.Errorf("it takes a place with %s", h.placed["either"].credential)
	}
	h.slow["late"] = true
	h.enter(t, false, "last", Rank{}, "late", "busy") // who is throttled has room, and is slower than who has none
	if h.waits["last"] != "busy" {
		t.Errorf("it waits for %s", h.waits["last"])
	}
}
