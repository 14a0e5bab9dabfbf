package admission

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestOrder has keys wait for a place, one after the other, and says in which order they are called.
func TestOrder(t *testing.T) {
	type step struct {
		key, namespace string
		urgent         bool
		edited         string        // a user in this namespace edits it, after it has begun to wait
		after          time.Duration // the time that passes before
	}
	user := func(key, namespace string) step { return step{key: key, namespace: namespace, urgent: true} }
	cases := map[string]struct {
		reason string
		steps  []step
		want   []string
	}{
		"Equals":     {"First come, first served among equals.", []step{{key: "a"}, {key: "b"}, {key: "d"}}, []string{"a", "b", "d"}},
		"User":       {"What a user waits for goes before the rest.", []step{{key: "sweep"}, user("edited", "n")}, []string{"edited", "sweep"}},
		"Namespaces": {"Namespaces take turns.", []step{user("a1", "a"), user("a2", "a"), user("a3", "a"), user("b1", "b"), user("b2", "b")}, []string{"a1", "b1", "a2", "b2", "a3"}},
		"Edited":     {"An edit makes urgent what waits already.", []step{{key: "a"}, {key: "b"}, {key: "b", edited: "n"}}, []string{"b", "a"}},
		"Quiet": {
			"Whose bindings still arrive comes after whose have come to rest.",
			[]step{user("busy", "n"), {key: "quiet", namespace: "n", urgent: true, after: time.Millisecond}, {key: "busy", edited: "n", after: 500 * time.Millisecond}},
			[]string{"quiet", "busy"},
		},
		"Overdue": {
			"But it does not wait for longer than a second.",
			[]step{user("busy", "n"), {key: "busy", edited: "n", after: 500 * time.Millisecond}, {key: "quiet", namespace: "n", urgent: true, after: time.Millisecond}, {key: "busy", edited: "n", after: 600 * time.Millisecond}},
			[]string{"busy", "quiet"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := newHall(1)
			h.enter(t, true, "first", Rank{}, "c")
			for _, s := range c.steps {
				h.now = h.now.Add(s.after)
				if s.edited != "" {
					h.Edited(s.key, s.edited, true)
					continue
				}
				h.enter(t, false, s.key, Rank{Urgent: s.urgent, Namespaces: []string{s.namespace}}, "c")
			}
			var got []string
			for at := "first"; at != ""; {
				woken := h.end(at)
				got, at = append(got, woken...), ""
				if len(woken) == 1 {
					at = woken[0]
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s\nwant %v, got %v", c.reason, c.want, got)
			}
		})
	}
}

// crowd drives a line at random, as the controller does, and knows what each key is up to.
type crowd struct {
	*hall

	t      *testing.T
	rng    *rand.Rand
	begun  map[string]string   // keys that are being worked on, and with which credential
	ready  map[string]bool     // keys that are in the work queue
	wishes map[string]bool     // keys for which there is still something to do
	of     map[string][]string // the credentials of a key
}

func (c *crowd) step() {
	key := fmt.Sprint("k", c.rng.IntN(20))
	c.now = c.now.Add(time.Duration(c.rng.IntN(300)) * time.Millisecond)
	switch c.rng.IntN(6) {
	case 0:
		c.Edited(key, fmt.Sprint("n", c.rng.IntN(3)), c.rng.IntN(2) == 0)
		c.ready[key], c.wishes[key] = true, true
	case 1:
		c.slow["c"] = !c.slow["c"]
	case 2:
		if _, at := c.begun[key]; at {
			c.wake(c.Slot(key))
		}
	case 3:
		c.end(key)
	default:
		c.begin(key)
	}
}

func (c *crowd) begin(key string) {
	if _, at := c.begun[key]; at || !c.ready[key] {
		return
	}
	delete(c.ready, key)
	if !c.Begin(key) {
		return
	}
	var through []Way[string]
	for _, credential := range c.of[key] {
		through = append(through, c.way(credential))
	}
	if !c.Enter(key, through, Rank{Namespaces: []string{"n0"}}) {
		c.wake(c.Leave(key))
		return
	}
	to := c.of[key][c.rng.IntN(len(c.of[key]))]
	if c.rng.IntN(2) == 0 {
		granted, woken := c.Write(key, c.way(to), Rank{Namespaces: []string{"n0"}})
		c.wake(woken)
		if !granted {
			c.wake(c.Leave(key)) // as a worker does at its end
			return
		}
	}
	c.begun[key] = to
}

func (c *crowd) end(key string) {
	if _, at := c.begun[key]; !at {
		return
	}
	delete(c.begun, key)
	c.Served(key)
	if _, edited := c.edits[key]; !edited {
		delete(c.wishes, key)
	}
	c.wake(c.Leave(key))
}

func (c *crowd) wake(woken []WakeUp[string]) {
	for _, w := range woken {
		c.ready[w.Key] = true
	}
}

// check: no more keys work with a credential than there are places, no more prepare a write than may, and no key is both
// waiting and at work.
func (c *crowd) check() {
	c.t.Helper()
	for name, q := range c.queues {
		if q.working > c.places || len(q.writers) > writersAhead {
			c.t.Fatalf("credential %s has %d at work, %d of them to write", name, q.working, len(q.writers))
		}
		if len(q.waiting) == 0 && len(q.turns) > 0 {
			c.t.Fatalf("credential %s remembers turns of namespaces that nobody waits for: %v", name, q.turns)
		}
		if len(q.waiting) > 0 && q.working == 0 {
			c.t.Fatalf("credential %s has %d waiting, and nobody who would call them", name, len(q.waiting))
		}
	}
	for key := range c.waits {
		if _, at := c.begun[key]; at {
			c.t.Fatalf("%s waits and is at work", key)
		}
	}
}

// TestEverybodyIsServed: whatever happens, the line keeps its limits, and once nothing new comes, everybody has been served
// and nothing is left of the line.
func TestEverybodyIsServed(t *testing.T) {
	for seed := range uint64(300) {
		c := &crowd{
			hall: newHall(5), t: t, rng: rand.New(rand.NewPCG(seed, 0)),
			begun: map[string]string{}, ready: map[string]bool{}, wishes: map[string]bool{}, of: map[string][]string{},
		}
		for i := range 20 {
			c.of[fmt.Sprint("k", i)] = [][]string{{"c"}, {"d"}, {"c", "d"}}[i%3]
		}
		for range 300 {
			c.step()
			c.check()
		}
		for range 100 {
			for key := range c.of {
				c.end(key)
				c.begin(key)
			}
			c.check()
		}
		for key := range c.of {
			c.end(key)
		}
		if len(c.wishes) > 0 || len(c.queues)+len(c.placed)+len(c.waits)+len(c.edits) > 0 {
			t.Fatalf("seed %d: not served: %v; left: %d queues, %d placed, %d waiting, %d edits", seed, c.wishes, len(c.queues), len(c.placed), len(c.waits), len(c.edits))
		}
	}
}

// TestNoFloodHoldsAnotherNamespaceUp: whatever waits for a namespace, another namespace's first edit is one of the next two.
func TestNoFloodHoldsAnotherNamespaceUp(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 1))
		h := newHall(1)
		h.enter(t, true, "first", Rank{}, "c")
		for i := range 50 + rng.IntN(200) {
			h.enter(t, false, fmt.Sprint("flood", i), Rank{Urgent: true, Namespaces: []string{"flood"}}, "c")
			h.now = h.now.Add(time.Duration(rng.IntN(100)) * time.Millisecond)
		}
		at := "first"
		for range rng.IntN(20) {
			at = h.end(at)[0]
		}
		h.enter(t, false, "single", Rank{Urgent: true, Namespaces: []string{"other"}}, "c")
		next := h.end(at)[0]
		if after := h.end(next); next != "single" && after[0] != "single" {
			t.Fatalf("seed %d: %s and %s go before another namespace's only edit", seed, next, after[0])
		}
	}
}

// TestAKeyOfSeveralNamespacesGoesByTheFirst: who edits a key for which another namespace waits does not take it into his own turn.
func TestAKeyOfSeveralNamespacesGoesByTheFirst(t *testing.T) {
	h := newHall(1)
	h.enter(t, true, "first", Rank{}, "c")
	for _, key := range []string{"x1", "x2", "x3"} {
		h.Edited(key, "busy", true)
		h.enter(t, false, key, Rank{}, "c")
	}
	h.Edited("shared", "quiet", true)
	h.Edited("shared", "busy", true)
	h.enter(t, false, "shared", Rank{}, "c")
	called(t, h.end("first"), "x1")
	h.enter(t, true, "x1", Rank{}, "c")
	called(t, h.end("x1"), "shared")
}

// TestWhoWasServedIsUrgentNoMore: a flood that edits a key while it is worked on does not go on in the turn of whoever had it served.
func TestWhoWasServedIsUrgentNoMore(t *testing.T) {
	h := newHall(1)
	h.Edited("edit", "one", true)
	h.enter(t, true, "edit", Rank{}, "c")
	h.Edited("edit", "flood", false)
	h.Served("edit")
	h.end("edit")
	h.enter(t, true, "first", Rank{}, "c")
	h.enter(t, false, "edit", Rank{}, "c")
	h.Edited("late", "one", true)
	h.enter(t, false, "late", Rank{}, "c")
	called(t, h.end("first"), "late")
}

// TestAnEditBeyondTheShareIsNotUrgent has a namespace edit more than its share while another's role is to be restored.
func TestAnEditBeyondTheShareIsNotUrgent(t *testing.T) {
	h := newHall(1)
	h.enter(t, true, "first", Rank{}, "c")
	for _, key := range []string{"e1", "e2"} {
		h.Edited(key, "busy", false)
		h.enter(t, false, key, Rank{Namespaces: []string{"busy"}}, "c")
	}
	h.enter(t, false, "drift", Rank{Namespaces: []string{"other"}}, "c")
	h.Edited("edit", "busy", true)
	h.Edited("edit", "stranger", false) // of the same key: who waits for it by right does so still
	h.enter(t, false, "edit", Rank{}, "c")
	called(t, h.end("first"), "edit")
	h.enter(t, true, "edit", Rank{}, "c")
	called(t, h.end("edit"), "drift")
	h.enter(t, true, "drift", Rank{}, "c")
	called(t, h.end("drift"), "e1")
}

// TestNextIsTheOrderInWhichKeysAreCalled: as long as nothing else happens.
func TestNextIsTheOrderInWhichKeysAreCalled(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 2))
		h := newHall(1)
		h.enter(t, true, "first", Rank{}, "c")
		for i := range 40 {
			key, namespace := fmt.Sprint("k", i), fmt.Sprint("ns", rng.IntN(4))
			if rng.IntN(3) == 0 {
				h.Edited(key, namespace, rng.IntN(2) == 0)
			}
			h.enter(t, false, key, Rank{Urgent: rng.IntN(5) == 0, Namespaces: []string{namespace}}, "c")
			h.now = h.now.Add(time.Duration(rng.IntN(100)) * time.Millisecond)
		}
		h.now = h.now.Add(time.Minute)
		foreseen := h.Next("c", 30)
		if len(foreseen) != 30 || len(h.Next("c", 50)) != 40 || len(h.Next("other", 1)) != 0 {
			t.Fatalf("seed %d: foresees %v", seed, foreseen)
		}
		at := "first"
		for i, want := range foreseen {
			if at = h.end(at)[0]; at != want {
				t.Fatalf("seed %d: %s is called as number %d, want %s", seed, at, i, want)
			}
		}
	}
}
