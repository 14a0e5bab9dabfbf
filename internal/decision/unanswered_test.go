package decision

import (
	"slices"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// edit has the user change the role of the only binding.
func edit(role string) part {
	return with(func(s *Situation) {
		s.Bindings[0].Object.Spec.Role = role
		s.Bindings[0].Object.Generation++
	})
}

// TestAWriteWithoutAnAnswerIsNoDrift: the role that is found is the operator's own doing.
func TestAWriteWithoutAnAnswerIsNoDrift(t *testing.T) {
	lost := func(w *driver) { w.answer = func(int) error { return errLost } }
	for name, c := range map[string]struct {
		reason string
		found  string // what Astro holds by then
		later  time.Duration
		state  string
		audit  string
		times  int
	}{
		"Arrived":    {"Its write arrived, and the user takes the edit back.", owner, time.Second, "True/RoleUpdated Held Created, changed", "roleEdited", 0},
		"ArrivedAgo": {"So it is however long nobody could look.", owner, time.Hour, "True/RoleUpdated Held Created, changed", "roleEdited", 0},
		"Changed": {
			"What somebody else made of it since is drift.", accessor, time.Second,
			"True/DriftCorrected Held Created, changed", "drift", 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := drive(t, situation(binding("a").claimed(1).role(owner).edited(), holds(w1, member)), lost)
			w.astro.Roles = append(slices.DeleteFunc(w.astro.Roles, func(r astro.Role) bool { return r.Key() == w1.Key() }), astro.NewRole(w1.Kind, w1.ID, c.found))
			w = drive(t, w.next(c.later, edit(member)))
			differ(t, c.reason, "state", c.state, w.state("a"))
			differ(t, c.reason, "role", member, w.on(w1))
			differ(t, c.reason, "audit", is{"w1: " + c.found + " to " + member + ", " + c.audit + ", confirmed for a"}, w.audit)
			m := w.progress.Situation.Memory
			differ(t, c.reason, "times restored", c.times, len(m.Contentions["uid-a"].Restored))
			differ(t, "Once a write is answered, none before it arrives.", "writes", 0, len(m.Arriving))
		})
	}
	t.Run("Revoked", func(t *testing.T) {
		over := binding("a").until(now.Add(-time.Minute)).made(1).claimed(1)
		w := drive(t, situation(over, holds(w1, member)), lost)
		w = drive(t, w.next(time.Second, with(func(s *Situation) { s.Bindings[0].Object.Spec.ExpiresAt = nil })))
		differ(t, "What the operator may have taken away is no drift.", "state", "True/Granted Held Created, changed", w.state("a"))
	})
}

func TestForHowLongAWriteMayArrive(t *testing.T) {
	m := Memory{}.unanswered([]Change{{Change: roleset.Change{Target: w1, From: member, To: owner}}}, nil, now)
	at := func(later time.Duration) with {
		return func(s *Situation) { s.Token.ByID, s.Token.At = true, now.Add(later) }
	}
	listed := func(at time.Time) with {
		return func(s *Situation) { s.Token.ByID, s.Token.Listed = false, at }
	}
	for name, c := range map[string]struct {
		reason string
		parts  []part
		want   int
	}{
		"Early":   {"It may arrive after this look.", of(holds(w1, member), at(time.Second)), 1},
		"Late":    {"It did not, and what is found later is somebody else's.", of(holds(w1, member), at(settleTime)), 0},
		"There":   {"It has arrived.", of(holds(w1, owner), at(time.Hour)), 1},
		"Listed":  {"A listing of after it tells as much.", of(holds(w1, member), listed(now.Add(settleTime))), 0},
		"Before":  {"One of before does not.", of(holds(w1, member), listed(now)), 1},
		"NotSeen": {"Who cannot look does not know.", of(presence(Absent), at(time.Hour)), 1},
	} {
		s := situation(append(c.parts, binding("a"))...)
		differ(t, name+": "+c.reason, "writes", c.want, len(m.arrived(&s).Arriving))
	}
}
