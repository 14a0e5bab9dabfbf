package decision

import (
	"maps"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

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
	return len(m.Refusals)+len(m.Contentions)+len(m.Unanswered)+len(m.Untold)+len(m.Writers)+len(m.Wrote)+len(m.Undecided) == 0
}

func (m Memory) clone() Memory {
	next := Memory{
		Refusals: maps.Clone(m.Refusals), Contentions: maps.Clone(m.Contentions),
		Unanswered: maps.Clone(m.Unanswered), Untold: maps.Clone(m.Untold), Writers: maps.Clone(m.Writers),
		Wrote: maps.Clone(m.Wrote), Undecided: maps.Clone(m.Undecided),
	}
	if next.Refusals == nil {
		next.Refusals = map[Attempt]Refusal{}
	}
	if next.Contentions == nil {
		next.Contentions = map[types.UID]Contention{}
	}
	if next.Unanswered == nil {
		next.Unanswered = map[roleset.Target]time.Time{}
	}
	if next.Untold == nil {
		next.Untold = map[roleset.Target]string{}
	}
	if next.Writers == nil {
		next.Writers = map[string]bool{}
	}
	if next.Wrote == nil {
		next.Wrote = map[Writing]string{}
	}
	if next.Undecided == nil {
		next.Undecided = map[string]time.Time{}
	}
	return next
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

// unanswered remembers that a write had no answer, and may still arrive.
func (m Memory) unanswered(changes []Change, now time.Time) Memory {
	next := m.clone()
	maps.DeleteFunc(next.Unanswered, func(_ roleset.Target, at time.Time) bool { return now.Sub(at) > refusalAge })
	for _, c := range changes {
		if c.To != "" {
			next.Unanswered[c.Target] = now
		}
	}
	return next
}

// answered forgets writes that had no answer, since Astro took a later one: they do not arrive any more.
func (m Memory) answered(changes []Change) Memory {
	next := m.clone()
	for _, c := range changes {
		delete(next.Unanswered, c.Target)
	}
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
// found there is not of this process's own making.
func (m Memory) changedByOthers(b *Binding, c Change) bool {
	own, known := m.Untold[c.Target]
	return b.granted() == b.Role() && (!known || own != c.From)
}

// clearRefusals forgets all refusals, since what Astro missed may be there now. What it took and did not show stays.
func (m Memory) clearRefusals() Memory {
	next := m.clone()
	maps.DeleteFunc(next.Refusals, func(_ Attempt, r Refusal) bool { return r.Unshown == 0 })
	return next
}

// writer remembers whether a credential may write the token.
func (m Memory) writer(credential string, may bool) Memory {
	next := m.clone()
	next.Writers[credential] = may
	return next
}

// wrote remembers the places in which the connection's credential was seen to write, as long as there is a role.
func (m Memory) wrote(c *Connection, changes []Change) Memory {
	if c.owns("") { // the Organization, which tells as much
		return m
	}
	next := m.clone()
	for _, change := range changes {
		at := Writing{Credential: c.Credential, Target: change.Target}
		if change.To != "" {
			next.Wrote[at] = c.rights()
		} else {
			delete(next.Wrote, at)
		}
	}
	return next
}

// doubted forgets that a credential may write, since Astro has refused it a write in the places: it is asked again before it stands
// against another.
func (m Memory) doubted(credential string, places ...roleset.Target) Memory {
	if !m.Writers[credential] {
		return m
	}
	next := m.clone()
	delete(next.Writers, credential)
	for _, t := range places {
		delete(next.Wrote, Writing{Credential: credential, Target: t})
	}
	return next
}

// manyCredentials is from how many on those are forgotten that no binding of the token uses any more. Before, a connection may come
// back without its credential being asked about again.
const manyCredentials = 4

// ofCredentials forgets who may write of the credentials that no binding uses, if there are many.
func (m Memory) ofCredentials(bindings []Binding) Memory {
	if len(m.Writers)+len(m.Undecided) <= manyCredentials {
		return m
	}
	used := map[string]bool{}
	for i := range bindings {
		used[bindings[i].Connection.Credential] = true
	}
	next := m.clone()
	maps.DeleteFunc(next.Writers, func(c string, _ bool) bool { return !used[c] })
	maps.DeleteFunc(next.Wrote, func(w Writing, _ string) bool { return !used[w.Credential] })
	maps.DeleteFunc(next.Undecided, func(c string, _ time.Time) bool { return !used[c] })
	return next
}

// undecided remembers that the challenge of a credential told nothing.
func (m Memory) undecided(credential string, at time.Time) Memory {
	next := m.clone()
	next.Undecided[credential] = at
	return next
}

// requestedOn forgets what stands in the way of a binding whose user asks for another try.
func (m Memory) requestedOn(b *Binding) Memory {
	if !b.Requested() {
		return m
	}
	target, _ := b.target()
	return m.requested(b, b.entry(target))
}

// requested forgets what stands in the way of another try on the target, since the user asks for one.
func (m Memory) requested(b *Binding, t roleset.Target) Memory {
	if m.Empty() {
		return m
	}
	next := m.accepted(t).clone()
	delete(next.Contentions, b.Object.UID)
	if c := &b.Connection; c.Ready && !c.observes() { // else nobody can ask again, and what was found stays so
		delete(next.Writers, c.Credential)
		delete(next.Undecided, c.Credential)
	}
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
