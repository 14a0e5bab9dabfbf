package astro

import (
	"context"
	"sync"
	"time"
)

const (
	// patience is how long a call waits for a Retry-After to pass. If it is longer, the call fails at once and its worker is
	// free.
	patience = 5 * time.Second
	// impatience is how long one waits for it that holds up others.
	impatience = 250 * time.Millisecond
	// impatientQueue is how long such a call waits for its turn, or for what another call brings: a rate may be low because the
	// connection says so, and a listing may be long.
	impatientQueue = time.Second
)

type (
	togetherKey struct{}
	secondKey   struct{}
)

// Together is the context of work for which calls are made through many connections. Those of them that are impatient wait for a second
// in all for each party, and not for a second each: whoever has many connections holds others up no longer than with one. The calls of
// another party have a second of their own, and a call that needs not wait is made even if the second is over. left is what the parties
// have of their seconds.
func Together(ctx context.Context, left *Seconds) context.Context {
	return context.WithValue(ctx, togetherKey{}, left)
}

// Seconds are for how long the calls of each party may wait, for one piece of work. The zero value is a second for each.
type Seconds struct {
	mu sync.Mutex
	of map[string]*second
}

// second is for how long the calls of one party may wait. Those that wait at the same time spend it only once.
type second struct {
	mu      sync.Mutex
	waiting int
	since   time.Time // when the first of those that wait began to
	spent   time.Duration
}

func (s *Seconds) party(name string) *second {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[string]*second{}
	}
	if s.of[name] == nil {
		s.of[name] = &second{}
	}
	return s.of[name]
}

func (s *second) begin(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == 0 {
		s.since = now
	}
	s.waiting++
}

func (s *second) end(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting--; s.waiting == 0 {
		s.spent += now.Sub(s.since)
	}
}

func (s *second) left(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	spent := s.spent
	if s.waiting > 0 {
		spent += now.Sub(s.since)
	}
	return max(0, impatientQueue-spent)
}
