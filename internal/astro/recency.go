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

	changed map[RoleKey]roleChange // what the last write of each place made of it
}

// roleChange is what a write made of one place.
type roleChange struct {
	role   string    // empty if the write took it out
	before time.Time // the token's updatedAt as read before the write
	at     time.Time
}

// laggingFor is how long a replica may be behind. What contradicts the memory for longer is how it is.
const laggingFor = 30 * time.Second

// NewRecency remembers nothing yet, and forgets by a clock.
func NewRecency(now func() time.Time) *Recency {
	return &Recency{now: now, tokens: map[recentKey]recent{}}
}

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
// shows otherwise. Only what a write changed can show that a read is older, and it does so whatever was written elsewhere since.
func (r *Recency) wrote(k recentKey, before Token, sent []Role, otherwise map[RoleKey]bool) {
	wanted := rolesByKey(sent)
	r.edit(k, func(e recent, now time.Time) recent {
		e.changed = e.without(before, sent, now)
		for _, place := range changedPlaces(before, sent) {
			if !otherwise[place] {
				e.changed[place] = roleChange{wanted[place], before.UpdatedAt, now}
			}
		}
		return e
	})
}

// doubt forgets the places that a set changes: nobody knows whether Astro has taken it.
func (r *Recency) doubt(k recentKey, before Token, sent []Role) {
	r.edit(k, func(e recent, now time.Time) recent {
		e.changed = e.without(before, sent, now)
		return e
	})
}

// without are the changes that still count, but for those of the places that a set changes.
func (e recent) without(before Token, sent []Role, now time.Time) map[RoleKey]roleChange {
	others := map[RoleKey]roleChange{}
	for place, c := range e.changed {
		if now.Sub(c.at) < laggingFor {
			others[place] = c
		}
	}
	for _, place := range changedPlaces(before, sent) {
		delete(others, place)
	}
	return others
}

// changedPlaces are the Workspaces and Deployments on which a set gives another role than the token has.
func changedPlaces(before Token, sent []Role) (places []RoleKey) {
	was, wanted := rolesByKey(before.Roles), rolesByKey(sent)
	both := maps.Clone(was)
	maps.Copy(both, wanted)
	for place := range both {
		if was[place] != wanted[place] && bindable(place) {
			places = append(places, place)
		}
	}
	return places
}

// lags says why a read of the token is older than what is known of it; empty if it is not, or if that was too long ago.
func (r *Recency) lags(k recentKey, t Token) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, now := r.tokens[k], r.now()
	if !t.UpdatedAt.IsZero() && t.UpdatedAt.Before(e.updated) && now.Sub(e.seenAt) < laggingFor {
		return "Astro has shown it as it was later"
	}
	for place, c := range e.changed {
		if t.RolesKnown && now.Sub(c.at) < laggingFor && !t.UpdatedAt.After(c.before) && t.RoleOn(place) != c.role {
			return "it is as it was before the operator's last write"
		}
	}
	return ""
}

func (e recent) wroteSince(then time.Time) bool {
	for _, c := range e.changed {
		if !c.at.Before(then) {
			return true
		}
	}
	return false
}

func (r *Recency) edit(k recentKey, edit func(recent, time.Time) recent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if now.Sub(r.pruned) > laggingFor {
		maps.DeleteFunc(r.tokens, func(_ recentKey, e recent) bool {
			return now.Sub(e.seenAt) > laggingFor && !e.wroteSince(now.Add(-laggingFor))
		})
		r.pruned = now
	}
	r.tokens[k] = edit(r.tokens[k], now)
}
