package decision

import (
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// Decide is total and pure: it says what is to be done and said about every binding of a token, whatever the situation.
func Decide(s Situation) Decision {
	if s.held == nil {
		s = s.withRoles()
	}
	d := Decision{Rulings: make([]Ruling, len(s.Bindings)), byID: make(map[string]int, len(s.Bindings)), claims: map[int]pin.Claim{}}
	for i := range s.Bindings {
		d.Rulings[i] = s.judge(&s.Bindings[i])
		d.byID[s.Bindings[i].ID()] = i
	}
	if s.Token.Presence != Present {
		d.Finalizers = s.finalizers(d)
		return d
	}
	if len(s.Memory.Refusals) > 0 {
		s.yieldPlaces(&d)
	}
	s.discount(&d)
	s.doubtClaims(&d)
	s.awaitHeirs(&d)
	d.Plan = s.plan(d.Rulings)
	for i := range d.Rulings {
		d.Rulings[i].Verdict = d.Plan.Verdicts[s.Bindings[i].ID()]
	}
	s.predict(&d)
	d.Take, d.ReadFirst = s.claimsToTake(&d)
	d.Finalizers = s.finalizers(d)
	d.Looks = s.looks(d)
	d.Changes = s.changes(d)
	d.findRivals()
	return d
}

func (s *Situation) plan(rulings []Ruling) roleset.Plan {
	return roleset.Make(s.observed(), s.rolesetClaims(rulings))
}

// predict gives the bindings whose connection observes the verdict that they would have if it did not. Nothing else follows
// from that plan.
func (s *Situation) predict(d *Decision) {
	if !slices.ContainsFunc(d.Rulings, func(r Ruling) bool { return r.withheld() }) {
		return
	}
	enforced := slices.Clone(d.Rulings)
	for i := range enforced {
		enforced[i].Class = enforced[i].enforced()
	}
	plan := s.plan(enforced)
	for i := range d.Rulings {
		if d.Rulings[i].withheld() {
			d.Rulings[i].Verdict = plan.Verdicts[s.Bindings[i].ID()]
		}
	}
}

// finalizers lists the bindings that need the finalizer: those that take a claim, and those that lost it while they hold one.
func (s *Situation) finalizers(d Decision) []int {
	var all []int
	for i := range s.Bindings {
		b, class := &s.Bindings[i], d.Rulings[i].Class
		held := b.Claim != nil && (class == roleset.Want || class == roleset.Hold)
		_, takes := d.claims[i]
		if (takes || held) && !b.Deleting() && !b.finalized() && s.Out[b.Object.UID] == nil {
			all = append(all, i)
		}
	}
	return all
}

// looks lists the bindings for which the listing is not good enough: they take a claim, leave, have a new spec, or the
// user asks. What is said of them rests on a read of the token by id.
func (s *Situation) looks(d Decision) []int {
	if s.Token.ByID {
		return nil
	}
	var all []int
	for i := range s.Bindings {
		b, r := &s.Bindings[i], d.Rulings[i]
		_, takes := d.claims[i]
		wanted := r.enforced() == roleset.Want || b.looksOn(r)
		vacant := r.Class == roleset.Hold && b.Deleting() && s.roleOn(s.entry(&d, i)) == "" // then it waits for nothing
		asks := r.enforced() == roleset.Leave || r.Uncertain || takes || vacant || wanted && !b.Looked() || s.asksForRead(b, &r)
		if asks && s.reaches(b) && s.Lost[b.Connection.ID] == nil {
			all = append(all, i)
		}
	}
	return all
}

// findRivals notes which bindings declare another role than the one that has the say.
func (d *Decision) findRivals() {
	d.rivals = map[string]int{}
	for i := range d.Rulings {
		v := d.Rulings[i].Verdict
		if _, known := d.rivals[v.Winner]; !known && d.Rulings[i].Class == roleset.Want && v.Outcome == roleset.Conflict {
			d.rivals[v.Winner] = i
		}
	}
}
