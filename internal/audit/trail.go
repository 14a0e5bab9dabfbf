package audit

import (
	"crypto/rand"
	"sync"
	"time"
)

// settleTime is for how long a write that had no answer may still arrive at Astro.
const settleTime = 10 * time.Second

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
	t.mu.Lock()
	defer t.mu.Unlock()
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
	defer t.mu.Unlock()
	for i := range entries {
		e := &entries[i]
		e.ID = rand.Text()
		if before, is := t.open[e.token()][e.place()]; is && before.Outcome == Unknown && before.From == e.From && before.To == e.To {
			e.ID = before.ID
		}
		t.follow(*e)
	}
	return entries, t.write(entries)
}

// Confirmed writes that Astro shows changes by now which it had taken.
func (t *Trail) Confirmed(entries ...Entry) error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range entries {
		entries[i].Outcome = Confirmed
		t.follow(entries[i])
	}
	return t.write(entries)
}

// Seen takes in what a token holds that was just read by its id: on is the role in a place. A change that is shown was made.
// One that is not shown is not given up before the write cannot arrive any more.
func (t *Trail) Seen(organization, id string, on func(kind, id string) string) error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock()
	var known []Entry
	for at, e := range t.open[token{organization, id}] {
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
	return t.write(known)
}

// follow keeps an entry whose outcome is open, in the place of what was open there before.
func (t *Trail) follow(e Entry) {
	if e.Outcome != Unknown && e.Outcome != Written {
		t.forget(e)
		return
	}
	if t.open[e.token()] == nil {
		t.open[e.token()] = map[place]Entry{}
	}
	e.Time = t.clock()
	t.open[e.token()][e.place()] = e
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
