package decision

import (
	"maps"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

const (
	// settleTime is for how long a write that had no answer may still arrive at Astro.
	settleTime = 10 * time.Second
	// replicaLag is for how long Astro may answer a read by id from a replica that is behind. A process that has just begun does not
	// remember what it must show.
	replicaLag = 30 * time.Second
)

// open reports whether Astro does not show the role of a claim that only the journal has.
func (s *Situation) open(b *Binding) bool {
	return b.Claim != nil && !b.Recovered.IsZero() && !s.showsClaim(b)
}

// showsClaim reports whether Astro holds the role of a claim that only the journal knows. Until it was seen, the status must
// not say that the role was given: the binding would take away whatever stands there when it is deleted.
func (s *Situation) showsClaim(b *Binding) bool {
	return s.Token.Presence == Present && s.roleOn(b.entry(nil)) == b.Claim.Role
}

// conclusive reports whether the token was read by id so late that no write can still arrive that gives the binding its role,
// of this process or the one before.
func (s *Situation) conclusive(b *Binding) bool {
	at := s.Token.At
	if at.IsZero() {
		at = s.Now
	}
	return s.presenceTo(b) == Gone || s.Token.ByID && !at.Before(s.arrivesUntil(b))
}

func (s *Situation) arrives(i int) time.Duration { return s.arrivesUntil(&s.Bindings[i]).Sub(s.Now) }

// arrivesUntil is when no write can arrive any more that gives the binding its role, and no read is of before it was given. The status
// of one whose role was in place contradicts a read that lacks it.
func (s *Situation) arrivesUntil(b *Binding) time.Time {
	last := b.Recovered
	for _, at := range []time.Time{s.Began, s.Memory.Unanswered[b.entry(nil)]} {
		if at.After(last) {
			last = at
		}
	}
	until := last.Add(settleTime)
	if lagging := s.Began.Add(replicaLag); b.granted() != "" && lagging.After(until) {
		return lagging
	}
	return until
}

// mayArrive reports whether a write may still arrive that gives a binding the role which it leaves, and which is not there.
func (p Progress) mayArrive(i int) bool {
	s, r := &p.Situation, &p.Decision.Rulings[i]
	return r.Uncertain || r.enforced() == roleset.Leave && r.Verdict.Outcome == roleset.Gone && !p.removed(i) && !s.conclusive(&s.Bindings[i])
}

// removed reports whether this reconcile took the role of a binding out of the token, and no write without an answer can bring it back.
func (p Progress) removed(i int) bool {
	s := &p.Situation
	_, done := s.Done[s.Bindings[i].Object.UID]
	return done && !s.Now.Before(s.Memory.Unanswered[s.entry(&p.Decision, i)].Add(settleTime))
}

// unanswered remembers that a write had no answer. It may arrive after any later one, with every role that it has.
func (p Progress) unanswered(sent Post, now time.Time) Memory {
	holds := map[astro.RoleKey]bool{}
	for _, role := range sent.Roles {
		holds[role.Key()] = true
	}
	var places []roleset.Target
	for i := range p.Situation.Bindings {
		if place := p.Situation.entry(&p.Decision, i); holds[place.Key()] {
			places = append(places, place)
		}
	}
	return p.Situation.Memory.unanswered(sent.Changes, places, now)
}

// arrived forgets what writes without an answer would have made of places that hold something else, by a look so late that no such write
// arrives any more: what is found there later is somebody else's.
func (m Memory) arrived(s *Situation) Memory {
	seen := s.Token.Listed
	if s.Token.ByID {
		seen = s.Token.At
	}
	if len(m.Arriving) == 0 || s.Token.Presence != Present {
		return m
	}
	next := m.clone()
	maps.DeleteFunc(next.Arriving, func(made Made, at time.Time) bool {
		return !seen.Before(at.Add(settleTime)) && s.roleOn(made.Target) != made.Role
	})
	return next
}
