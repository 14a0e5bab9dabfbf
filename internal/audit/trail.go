package audit

import (
	"crypto/rand"
	"maps"
	"sync"
	"time"
)

const (
	// settleTime is for how long a write that had no answer may still arrive at Astro.
	settleTime = 10 * time.Second
	// openAge is for how long an outcome is followed.
	openAge = 24 * time.Hour
)

// Trail makes lines of entries, and follows those whose outcome is still open: a write had no answer, or Astro did not show
// it. What is open is in memory; after a restart the first line stays the last one. The nil Trail writes nothing.
type Trail struct {
	log   *Log
	clock func() time.Time

	mu   sync.Mutex
	open map[token]map[place]Entry
}

type (
	token struct{ organization, id string }
	place struct{ kind, id string }
)

// NewTrail makes a trail that writes to the log; clock is time.Now if nil.
func NewTrail(log *Log, clock func() time.Time) *Trail {
	if clock == nil {
		clock = time.Now
	}
	return &Trail{log: log, clock: clock, open: map[token]map[place]Entry{}}
}

// Write writes entries that are complete: nothing more will become known of them.
func (t *Trail) Write(entries ...Entry) error {
	if t == nil {
		return nil
	}
	for i := range entries {
		entries[i].ID = rand.Text()
	}
	return t.write(entries)
}

// Sent writes what became of changes that were sent to Astro together, and returns them as they were written. A change that
// is sent again because nothing was known of it keeps its id: Astro makes it once at most.
func (t *Trail) Sent(entries ...Entry) ([]Entry, error) {
	if t == nil {
		return entries, nil
	}
	t.mu.Lock()
	for i := range entries {
		e := &entries[i]
		e.ID = rand.Text()
		if before, is := t.open[e.token()][e.place()]; is && before.Outcome == Unknown && before.From == e.From && before.To == e.To {
			e.ID = before.ID
		}
		t.follow(*e)
	}
	t.mu.Unlock() // a disk that is slow holds nobody else up
	return entries, t.write(entries)
}

// Confirmed writes that Astro shows changes by now which it had taken.
func (t *Trail) Confirmed(entries ...Entry) error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	for i := range entries {
		entries[i].Outcome = Confirmed
		t.follow(entries[i])
	}
	t.mu.Unlock()
	return t.write(entries)
}

// Seen takes in what a token holds that was just read by its id: on is the role in a place. A change that is shown was made.
// One that is not shown is not given up before the write cannot arrive any more.
func (t *Trail) Seen(organization, id string, on func(kind, id string) string) error {
	if t == nil {
		return nil
	}
	return t.write(t.seen(token{organization, id}, on))
}

func (t *Trail) seen(about token, on func(kind, id string) string) (known []Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock()
	for at, e := range t.open[about] {
		switch {
		case on(at.kind, at.id) == e.To:
			e.Outcome = Confirmed
		case now.Sub(e.Time) < settleTime:
			continue
		case e.Outcome == Written: // Astro had taken it, and somebody may have changed it since
			t.forget(e)
			continue
		default:
			e.Outcome = Refused
		}
		t.forget(e)
		known = append(known, e)
	}
	return known
}

// follow keeps an entry whose outcome is open, in the place of what was open there before.
func (t *Trail) follow(e Entry) {
	if e.Outcome != Unknown && e.Outcome != Written {
		t.forget(e)
		return
	}
	e.Time = t.clock()
	t.prune(e.Time)
	if t.open[e.token()] == nil {
		t.open[e.token()] = map[place]Entry{}
	}
	t.open[e.token()][e.place()] = e
}

// prune drops entries of tokens that nobody has read for so long, since they are gone.
func (t *Trail) prune(now time.Time) {
	for about, places := range t.open {
		maps.DeleteFunc(places, func(_ place, e Entry) bool { return now.Sub(e.Time) > openAge })
		if len(places) == 0 {
			delete(t.open, about)
		}
	}
}

func (t *Trail) forget(e Entry) {
	delete(t.open[e.token()], e.place())
	if len(t.open[e.token()]) == 0 {
		delete(t.open, e.token())
	}
}

func (t *Trail) write(entries []Entry) error {
	for i := range entries {
		entries[i].Audit, entries[i].Time = Version, t.clock().UTC()
		if entries[i].Bindings == nil {
			entries[i].Bindings = []Binding{} // a list, if an empty one
		}
	}
	return t.log.Write(entries...)
}

func (e *Entry) token() token { return token{e.Organization.ID, e.Token.ID} }
func (e *Entry) place() place { return place{e.Target.Kind, e.Target.ID} }
