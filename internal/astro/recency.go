package astro

import (
	"maps"
	"sync"
	"time"
)

// Recency remembers for a short time what was written to tokens and what was seen of them, whoever wrote or looked. Astro may
// answer a read by id from a replica that is behind. A read that shows a token as it was before is known by that, and says
// nothing: written back, it would undo what has happened since. It is safe for concurrent use.
type Recency struct {
	now func() time.Time

	mu     sync.Mutex
	tokens map[recentKey]recent
	pruned time.Time
}

// recentKey names a token.
type recentKey struct{ base, id string }

// recent is what is remembered of one token.
type recent struct {
	updated time.Time // the newest updatedAt that Astro showed
	seenAt  time.Time

	changed map[RoleKey]string // the roles by their place that the last write changed, empty for one that it took out
	before  time.Time          // the token's updatedAt as read before that write
	wroteAt time.Time
}

// laggingFor is how long a replica may be behind. What contradicts the memory for longer is how it is.
const laggingFor = 30 * time.Second

// NewRecency remembers nothing yet.
func NewRecency() *Recency { return &Recency{now: time.Now, tokens: map[recentKey]recent{}} }

// saw notes that Astro showed the token.
func (r *Recency) saw(k recentKey, t Token) {
	if t.UpdatedAt.IsZero() {
		return
	}
	r.edit(k, func(e recent, now time.Time) recent {
		if !t.UpdatedAt.Before(e.updated) {
			e.updated, e.seenAt = t.UpdatedAt, now
		}
		return e
	})
}

// wrote notes that Astro has taken a set in the place of that of the token as it was before, but for the places that it
// shows otherwise. Only what the write changed can show that a read is older.
func (r *Recency) wrote(key recentKey, before Token, sent []Role, otherwise map[RoleKey]bool) {
	was, wanted := rolesByKey(before.Roles), rolesByKey(sent)
	changed := map[RoleKey]string{}
	for k := range was {
		if wanted[k] != was[k] && bindable(k) && !otherwise[k] {
			changed[k] = wanted[k]
		}
	}
	for k, role := range wanted {
		if was[k] != role && bindable(k) && !otherwise[k] {
			changed[k] = role
		}
	}
	r.edit(key, func(e recent, now time.Time) recent {
		e.changed, e.before, e.wroteAt = changed, before.UpdatedAt, now
		return e
	})
}

// doubt forgets what was written: nobody knows what became of a later write.
func (r *Recency) doubt(k recentKey) {
	r.edit(k, func(e recent, _ time.Time) recent {
		e.changed = nil
		return e
	})
}

// lags says why a read of the token is older than what is known of it; empty if it is not, or if that was too long ago.
func (r *Recency) lags(k recentKey, t Token) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, now := r.tokens[k], r.now()
	if !t.UpdatedAt.IsZero() && t.UpdatedAt.Before(e.updated) && now.Sub(e.seenAt) < laggingFor {
		return "Astro has shown it as it was later"
	}
	if !t.RolesKnown || now.Sub(e.wroteAt) >= laggingFor || t.UpdatedAt.After(e.before) {
		return ""
	}
	for place, role := range e.changed {
		if t.RoleOn(place) != role {
			return "it is as it was before the operator's last write"
		}
	}
	return ""
}

func (r *Recency) edit(k recentKey, edit func(recent, time.Time) recent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if now.Sub(r.pruned) > laggingFor {
		maps.DeleteFunc(r.tokens, func(_ recentKey, e recent) bool {
			return now.Sub(e.seenAt) > laggingFor && now.Sub(e.wroteAt) > laggingFor
		})
		r.pruned = now
	}
	r.tokens[k] = edit(r.tokens[k], now)
}

// current takes in a read of a token by id, or says that it is too old.
func (c *Client) current(op string, t Token) error {
	if why := c.opts.Recency.lags(c.recentKey(t.ID), t); why != "" {
		return &Error{Op: op, Message: "Astro answered with an old state of the token: " + why, kind: ErrUnreachable, unsent: true}
	}
	c.opts.Recency.saw(c.recentKey(t.ID), t)
	return nil
}

func (c *Client) recentKey(id string) recentKey { return recentKey{c.opts.BaseURL, id} }
