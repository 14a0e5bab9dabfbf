package journal_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/internal/journal"
)

var key = journal.TokenKey{Host: "astro", Organization: "corg", Token: "ctok"}

func entry(uid string) journal.Entry {
	return journal.Entry{
		UID: types.UID(uid), Namespace: "team", Name: uid, ConnectionKind: "AstroConnection", Connection: "astro",
		TargetKind: "Workspace", Target: "cwrk", Role: "WORKSPACE_MEMBER", Origin: "Created", ClaimedAt: time.Unix(1, 2000),
	}
}

func TestWrittenIsFoundByTheNextProcess(t *testing.T) {
	w := newWorld(t)
	j := w.open("first")
	w.must(j.Write(t.Context(), key, entry("a"), entry("b")))
	next := w.open("second")
	want := []journal.Entry{entry("a"), entry("b")}
	for i := range want {
		want[i].Recovered = true
	}
	if diff := cmp.Diff(want, next.Entries(key)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got := next.Tokens(); len(got) != 1 || got[0] != key {
		t.Errorf("the tokens are %v", got)
	}
	if n := next.Count(func(_ journal.TokenKey, e journal.Entry) bool { return e.Name == "a" }); n != 1 {
		t.Errorf("counted %d", n)
	}
	if err := j.Err(); err != nil {
		t.Error(err)
	}
}

func TestFind(t *testing.T) {
	w := newWorld(t)
	w.must(w.open("first").Write(t.Context(), key, entry("a")))
	j := w.open("second")
	if k, e, found := j.Find("a"); !found || k != key || !e.Recovered {
		t.Errorf("found %v of %s: %t", e, k, found)
	}
	w.must(j.Write(t.Context(), key, entry("b")))
	if _, e, found := j.Find("b"); !found || e.Recovered {
		t.Errorf("found %v: %t", e, found)
	}
	w.must(j.Withdraw(t.Context(), key, "b"))
	if _, _, found := j.Find("b"); found {
		t.Error("what was withdrawn is found")
	}
}

func TestSameEntriesCostNoWrite(t *testing.T) {
	w := newWorld(t)
	j := w.open("first")
	w.must(j.Write(t.Context(), key, entry("a")))
	before := w.writes.Load()
	w.must(j.Write(t.Context(), key, entry("a")))
	w.must(j.Flush(t.Context()))
	if n := w.writes.Load() - before; n != 0 {
		t.Errorf("%d writes for what is there", n)
	}
}

func TestWithdrawnIsGoneAtOnce(t *testing.T) {
	w := newWorld(t)
	j := w.open("first")
	w.must(j.Write(t.Context(), key, entry("a"), entry("b")))
	w.must(j.Withdraw(t.Context(), key, "a"))
	w.has(key, "b")
}

func TestClearedCostsOneWriteAPage(t *testing.T) {
	w := newWorld(t)
	w.options.Clearing = 300 * time.Millisecond
	j := w.open("first")
	for i := range 20 {
		w.must(j.Write(t.Context(), key, entry(fmt.Sprint(i))))
	}
	before := w.writes.Load()
	for i := range 20 {
		j.Clear(key, types.UID(fmt.Sprint(i)))
	}
	w.same(j, key)
	w.eventually("nothing is stored", func() bool { return len(w.pages()) == 0 })
	if n := w.writes.Load() - before; n != 1 {
		t.Errorf("clearing cost %d writes, want 1", n)
	}
}

func TestWritersOfOnePageShareAnUpdate(t *testing.T) {
	w := newWorld(t)
	j := w.open("first")
	w.must(j.Write(t.Context(), key, entry("first")))
	before := w.writes.Load()
	var writers sync.WaitGroup
	for i := range 40 {
		writers.Go(func() {
			if err := j.Write(t.Context(), key, entry(fmt.Sprintf("%02d", i))); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	if n := len(w.open("second").Entries(key)); n != 41 {
		t.Errorf("%d entries are stored, want 41", n)
	}
	if n := w.writes.Load() - before; n > 30 {
		t.Errorf("40 writers cost %d updates", n)
	}
}

func TestWhatCannotBeStoredIsNotEntered(t *testing.T) {
	w := newWorld(t)
	j := w.open("first")
	w.must(j.Write(t.Context(), key, entry("a")))
	down := errors.New("down")
	w.refuse.Store(&down)
	changed := entry("a")
	changed.Role = "WORKSPACE_OWNER"
	if err := j.Write(t.Context(), key, changed, entry("b")); !errors.Is(err, down) {
		t.Errorf("the error is %v", err)
	}
	if err := j.Err(); !errors.Is(err, down) {
		t.Errorf("the journal says %v", err)
	}
	w.same(j, key, "a")
	if role := j.Entries(key)[0].Role; role != "WORKSPACE_MEMBER" {
		t.Errorf("a has %s", role)
	}
	w.refuse.Store(nil)
	w.must(j.Flush(t.Context()))
	w.has(key, "a")
	w.must(j.Err())
}

func TestFenced(t *testing.T) {
	w := newWorld(t)
	old := errors.New("the lease is old")
	w.options.Fence = func() error { return old }
	if err := w.open("first").Write(t.Context(), key, entry("a")); !errors.Is(err, old) {
		t.Errorf("the error is %v", err)
	}
	if n := w.writes.Load(); n != 0 {
		t.Errorf("%d writes behind the fence", n)
	}
}

func TestTooManyClaims(t *testing.T) {
	w := newWorld(t)
	if w.open("first").Write(t.Context(), key, make([]journal.Entry, journal.MaxClaims+1)...) == nil {
		t.Error("more than the most were taken")
	}
}

func TestSecondWriterIsNamedAndItsEntriesKept(t *testing.T) {
	w := newWorld(t)
	found := make(chan journal.TokenKey, 8)
	w.options.Found = func(k journal.TokenKey) { found <- k }
	first, second := w.open("first"), w.open("second")
	w.must(first.Write(t.Context(), key, entry("a")))
	w.must(second.Write(t.Context(), key, entry("b")))
	w.has(key, "a", "b")
	w.same(second, key, "a", "b")
	select {
	case k := <-found:
		if k != key {
			t.Errorf("found %s", k)
		}
	case <-time.After(10 * time.Second):
		t.Error("nobody is told of what was found")
	}
	if err := second.Err(); err == nil || !strings.Contains(err.Error(), `"first"`) {
		t.Errorf("the second says %v", err)
	}
}

// TestOtherInstances: what another instance has entered counts, and is taken off its page once it was dealt with here. Else it would be
// found again by the next process, long after.
func TestOtherInstances(t *testing.T) {
	w := newWorld(t)
	first := w.open("first")
	w.must(first.Write(t.Context(), key, entry("a"), entry("c"), entry("d")))
	w.options.Instance = "another"
	another := w.open("second")
	another.Owns(func(e journal.Entry) bool { return e.UID != "c" })
	w.same(another, key, "a", "c", "d")
	w.must(another.Write(t.Context(), key, entry("b")))
	w.same(another, key, "a", "b", "c", "d")
	another.Clear(key, "a", "c")
	w.same(another, key, "b", "d")
	w.eventually("what was dealt with goes", func() bool { return len(w.open("reader").Entries(key)) == 3 })
	w.has(key, "b", "c", "d")
	if n := len(w.pages()); n != 2 {
		t.Errorf("%d pages hold something, want one of each instance", n)
	}
	w.must(first.Write(t.Context(), key, entry("e"))) // it runs still, and holds what was taken off
	w.has(key, "a", "b", "c", "d", "e")
}
