package main

import (
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

func setTarget(p *decision.Permitted, t roleset.Target, is bool) {
	if p.Targets == nil {
		p.Targets = map[roleset.Target]bool{}
	}
	p.Targets[t] = is
}

// post sends a write, or takes in what became of it.
func (s *state) post(r run, e decision.Post, how uint8) error {
	if !r.sent {
		return s.send(r, e)
	}
	r.sent, r.slot = false, false
	switch how {
	case operatorLosesAnswer:
		s.budget[budgetLost]--
		s.abandon()
		s.after(r, decision.Replaced{Err: errUnreachable, Now: s.now()}, code{how, s.tick})
	case operatorRetriesWrite:
		s.budget[budgetLost]--
		s.retry(r, e)
	default:
		s.answer(r, e, how)
	}
	return nil
}

// send lets a write go. From here on it may reach Astro, whatever becomes of the operator.
func (s *state) send(r run, e decision.Post) error {
	sent, err := s.checkPost(&r, e)
	if err != nil {
		return err
	}
	f := &flight{roles: sent, given: r.given}
	for _, c := range e.Changes {
		t := slices.Index(targets[:], c.Target.ID)
		f.targets[t] = true
		for _, id := range c.Claims {
			if b := named(&r.progress.Situation, id); b != nil && c.To != "" {
				f.uids = append(f.uids, b.Object.UID)
			}
		}
		if c.To == roles[roleBroken] {
			f.refused = errInvalid
		}
	}
	if s.scenario.denied[connectionOf(e.Through)] {
		f.refused = errForbidden
	}
	s.astro.flight = f
	r.sent = true
	r.progress = decision.Sending(r.progress, e)
	r.code = hashOf(r.code[:], []byte("sent"))
	s.proc.run = &r
	return nil
}

// retry does all of a write again that had no answer, the read above all. If nothing is left to write, and what is there is
// what was sent, the write counts as taken.
func (s *state) retry(r run, e decision.Post) {
	sent := s.astro.flight.roles
	s.abandon()
	what := code{operatorRetriesWrite, s.tick}
	again := decision.TokenRead{Now: s.now(), Bindings: s.refresh(r.progress.Situation.Bindings)}
	for i := range again.Bindings {
		what.text(string(again.Bindings[i].Object.UID) + again.Bindings[i].Object.ResourceVersion)
	}
	before := r.shown.token()
	r.shown, r.given, r.slot = s.look(false), s.given, true
	what.roleSet(r.shown)
	again.Token = r.shown.token()
	p := decision.After(r.progress, decision.ReadForWrite{Through: e.Through}, again)
	r.code = hashOf(r.code[:], what)
	switch decision.Next(p).(type) {
	case decision.Post, decision.MayRevoke:
	default:
		if r.shown.on != sent.on {
			break
		}
		r.slot = false
		taken := astro.Update{Before: before, Written: true, Sent: e.Roles, After: again.Token, Confirmed: true, Attempted: true}
		p = decision.After(decision.Sending(p, e), e, decision.Replaced{Update: taken, Now: s.now()})
	}
	s.advance(&r, p)
}

func named(s *decision.Situation, id string) *decision.Binding {
	for i := range s.Bindings {
		if s.Bindings[i].ID() == id {
			return &s.Bindings[i]
		}
	}
	return nil
}

// answer takes in what Astro said to the write.
func (s *state) answer(r run, e decision.Post, how uint8) {
	f := s.astro.flight
	s.astro.flight = nil
	result := decision.Replaced{Err: f.refused, Now: s.now()}
	if f.refused == nil {
		before := r.shown.token()
		r.shown = f.roles
		result.Update = astro.Update{
			Before: before, Written: true, Sent: e.Roles, After: f.roles.token(), Confirmed: how != operatorUnconfirmed, Attempted: true,
		}
		if how == operatorUnconfirmed {
			s.budget[budgetUnconfirmed]--
		}
	}
	s.after(r, result, code{how, s.tick})
}
