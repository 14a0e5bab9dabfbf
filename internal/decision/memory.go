package decision

import (
	"maps"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// Memory is what is remembered of a token from one reconcile to the next. Nothing in it matters to what Astro ends up
// holding: without it, a refused change is tried once more, and a contention goes one round further.
type Memory struct {
	Refusals    map[Attempt]Refusal
	Contentions map[types.UID]Contention
	// Unanswered is when a write had no answer last, by the places of the roles that it has. All of them may still arrive.
	Unanswered map[roleset.Target]time.Time
	// Arriving is when writes without an answer were sent, by what they would make of their places, for as long as it may be there.
	Arriving map[Made]time.Time
	// Untold is what this process made last of places of which no status tells yet; empty: it took the role out.
	Untold map[roleset.Target]string
	// Writers are the credentials that are known to be allowed to write the token, or not to be.
	Writers map[string]bool
	// Forbidden are the connections to a credential of which Astro refused to write the token, until it has let one.
	Forbidden map[string]bool
	// Again are the credentials that Astro has refused to write the token, and whose users ask for another try.
	Again map[string]bool
	// Wrote are the places in which a credential was seen to write.
	Wrote map[Writing]Wrote
	// Undecided is when a credential was challenged last without Astro saying whether it may write the token.
	Undecided map[string]time.Time
}

// Writing is the role on a target that a credential writes.
type Writing struct {
	Credential string // the id of the API token
	Target     roleset.Target
}

// Wrote is when a credential wrote, and with which rights.
type Wrote struct {
	Rights string // empty: it does not see its own
	At     time.Time
}

// Made is what a write makes of a place.
type Made struct {
	Target roleset.Target
	Role   string // empty: it takes the role out
}

// Attempt is a change that was tried for a binding.
type Attempt struct {
	Target  roleset.Target
	To      string // empty: a removal
	Binding types.UID
}

// Refusal is how Astro refused a change by itself, or took it and did not show it.
type Refusal struct {
	Generation int64 // of the binding's spec
	At         time.Time
	Credential string // the id of the API token that made it
	Forbidden  bool   // to that; another one may be allowed
	Invalid    bool
	Unshown    int // how often Astro has taken the change and not shown it; 0: it refused it
	Fault      *fault.Fault
}

// Contention is a role that somebody else keeps changing back.
type Contention struct {
	Generation int64
	Restored   []time.Time
}

const (
	// contentionLimit is how often a role is restored within contentionWindow before another writer is taken to be at work.
	contentionLimit = 3
	// contentionWindow is for how long a restored role counts, and for how long it is then left alone.
	contentionWindow = time.Hour
	// refusalAge is for how long a refusal is remembered, which is longer than any sweep interval keeps it from being tried.
	refusalAge = 24 * time.Hour
)

// Empty reports whether nothing is remembered.
func (m Memory) Empty() bool {
	return len(m.Refusals)+len(m.Contentions)+len(m.Unanswered)+len(m.Arriving)+len(m.Untold)+len(m.Writers)+len(m.Forbidden)+
		len(m.Again)+len(m.Wrote)+len(m.Undecided) == 0
}

func (m Memory) clone() Memory {
	next := Memory{
		Refusals: maps.Clone(m.Refusals), Contentions: maps.Clone(m.Contentions),
		Unanswered: maps.Clone(m.Unanswered), Arriving: maps.Clone(m.Arriving), Untold: maps.Clone(m.Untold), Writers: maps.Clone(m.Writers),
		Forbidden: maps.Clone(m.Forbidden), Again: maps.Clone(m.Again), Wrote: maps.Clone(m.Wrote), Undecided: maps.Clone(m.Undecided),
	}
	made(&next.Refusals)
	made(&next.Contentions)
	made(&next.Unanswered)
	made(&next.Arriving)
	made(&next.Untold)
	made(&next.Writers)
	made(&next.Forbidden)
	made(&next.Again)
	made(&next.Wrote)
	made(&next.Undecided)
	return next
}

// made makes a map where there is none.
func made[K comparable, V any](m *map[K]V) {
	if *m == nil {
		*m = map[K]V{}
	}
}

// refusal is what is remembered of a change that was tried for the binding as it is now. What was forbidden to one API token is not to
// another.
func (m Memory) refusal(b *Binding, t roleset.Target, to string) (Refusal, bool) {
	r, known := m.Refusals[Attempt{t, to, b.Object.UID}]
	return r, known && r.Generation == b.Object.Generation && (!r.Forbidden || r.Credential == b.Connection.Credential)
}

// refused remembers a change that Astro refused by itself, so that the others are written without it.
func (m Memory) refused(b *Binding, t roleset.Target, to string, r Refusal) Memory {
	next := m.clone()
	maps.DeleteFunc(next.Refusals, func(_ Attempt, old Refusal) bool { return r.At.Sub(old.At) > refusalAge }) // of targets that may be gone
	r.Generation, r.Credential = b.Object.Generation, b.Connection.Credential
	next.Refusals[Attempt{t, to, b.Object.UID}] = r
	return next
}

// accepted forgets what was refused in the places, since Astro took changes there.
func (m Memory) accepted(places ...roleset.Target) Memory {
	if len(m.Refusals) == 0 {
		return m
	}
	next, at := m.clone(), map[roleset.Target]bool{}
	for _, t := range places {
		at[t] = true
	}
	maps.DeleteFunc(next.Refusals, func(a Attempt, _ Refusal) bool { return at[a.Target] })
	return next
}

// unanswered remembers that a write had no answer, and may still arrive. It brings the roles in other places along, as they were.
func (m Memory) unanswered(changes []Change, others []roleset.Target, now time.Time) Memory {
	next := m.clone()
	maps.DeleteFunc(next.Unanswered, func(_ roleset.Target, at time.Time) bool { return now.Sub(at) > refusalAge })
	maps.DeleteFunc(next.Arriving, func(_ Made, at time.Time) bool { return now.Sub(at) > refusalAge })
	for _, c := range changes {
		next.Arriving[Made{c.Target, c.To}] = now
		if c.To != "" {
			next.Unanswered[c.Target] = now
		}
	}
	for _, t := range others {
		next.Unanswered[t] = now
	}
	return next
}

// answered forgets what writes without an answer would have made of places that Astro took a later change of. That one of them arrives
// all the same is not ruled out before it is as old as it can be.
func (m Memory) answered(changes []Change, now time.Time) Memory {
	next, at := m.clone(), map[roleset.Target]bool{}
	for _, c := range changes {
		at[c.Target] = true
	}
	maps.DeleteFunc(next.Unanswered, func(_ roleset.Target, at time.Time) bool { return now.Sub(at) >= settleTime })
	maps.DeleteFunc(next.Arriving, func(made Made, _ time.Time) bool { return at[made.Target] })
	return next
}

// untold remembers what changes made of their places until the statuses tell.
func (m Memory) untold(changes []Change) Memory {
	next := m.clone()
	for _, c := range changes {
		next.Untold[c.Target] = c.To
	}
	return next
}

// told forgets the places of which the statuses tell by now.
func (m Memory) told(places ...roleset.Target) Memory {
	if len(m.Untold) == 0 {
		return m
	}
	next := m.clone()
	for _, t := range places {
		delete(next.Untold, t)
	}
	return next
}

// changedByOthers reports whether it was somebody else who changed the role of the binding: the very role was in place, and what was
// found there is not of this process's own making, be it that a write of it had no answer.
func (m Memory) changedByOthers(b *Binding, c Change) bool {
	own, known := m.Untold[c.Target]
	_, arrived := m.Arriving[Made{c.Target, c.From}]
	return b.granted() == b.Role() && !arrived && (!known || own != c.From)
}

// clearRefusals forgets all refusals, since what Astro missed may be there now. What it took and did not show stays.
func (m Memory) clearRefusals() Memory {
	next := m.clone()
	maps.DeleteFunc(next.Refusals, func(_ Attempt, r Refusal) bool { return r.Unshown == 0 })
	return next
}

// restored remembers that the roles of bindings were restored after somebody else had changed them.
func (m Memory) restored(now time.Time, bindings ...*Binding) Memory {
	if len(bindings) == 0 {
		return m
	}
	next := m.clone()
	maps.DeleteFunc(next.Contentions, func(_ types.UID, c Contention) bool { return len(recent(c.Restored, now)) == 0 }) // of bindings that may be gone
	for _, b := range bindings {
		c := next.Contentions[b.Object.UID]
		if c.Generation != b.Object.Generation {
			c = Contention{Generation: b.Object.Generation}
		}
		c.Restored = append(recent(c.Restored, now), now)
		next.Contentions[b.Object.UID] = c
	}
	return next
}

// contended reports whether a role was restored so often that it is left alone for a while. An edited spec starts anew.
func (m Memory) contended(b *Binding, now time.Time) bool {
	c := m.Contentions[b.Object.UID]
	return c.Generation == b.Object.Generation && len(recent(c.Restored, now)) >= contentionLimit
}

func recent(times []time.Time, now time.Time) []time.Time {
	var kept []time.Time
	for _, t := range times {
		if now.Sub(t) < contentionWindow {
			kept = append(kept, t)
		}
	}
	return kept
}
