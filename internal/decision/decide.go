package decision

import (
	"cmp"
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
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

// yieldPlaces has a binding whose role Astro refuses stand back for what can be done in its place: a role that goes, which that refusal
// would keep up although nobody declares it any more, or another role that Astro has not refused. What is invalid leaves the place to
// others only if the binding holds nothing itself; what is forbidden to its API token does so in any case.
func (s *Situation) yieldPlaces(d *Decision) {
	refused := s.refusedWishes(d)
	if len(refused) == 0 {
		return
	}
	leaving, given, shared := map[roleset.Target]bool{}, map[roleset.Target]bool{}, map[wish]bool{}
	for i := range s.Bindings {
		b, entry := &s.Bindings[i], s.entry(d, i)
		switch {
		case d.Rulings[i].Class == roleset.Leave:
			leaving[entry] = true
		case d.Rulings[i].Class == roleset.Want && refused.of(b, entry) == nil:
			given[entry], shared[wish{entry, b.Role(), ""}] = true, true
		}
	}
	for i := range s.Bindings {
		b, entry := &s.Bindings[i], s.entry(d, i)
		old := refused.of(b, entry)
		if old == nil || d.Rulings[i].Class != roleset.Want || shared[wish{entry, b.Role(), ""}] { // another's credential may give it
			continue
		}
		if leaving[entry] || given[entry] && (s.claimOf(b) == nil || old.Forbidden) {
			d.Rulings[i].Class, d.Rulings[i].Fault = roleset.None, old.Fault
		}
	}
}

// wish is a role that is wanted in a place. What is forbidden is so to one credential, what is invalid to all.
type wish struct {
	roleset.Target
	role, credential string
}

type wishes map[wish]*Refusal

// refusedWishes are the wanted roles that Astro refuses for now, and that are not there.
func (s *Situation) refusedWishes(d *Decision) wishes {
	all := wishes{}
	for i := range s.Bindings {
		b, entry := &s.Bindings[i], s.entry(d, i)
		old, known := s.Memory.refusal(b, entry, b.Role())
		if d.Rulings[i].Class != roleset.Want || !known || !s.resting(i, old) || s.roleOn(entry) == b.Role() {
			continue
		}
		switch {
		case old.Invalid:
			all[wish{entry, b.Role(), ""}] = &old
		case old.Forbidden:
			all[wish{entry, b.Role(), b.Connection.Credential}] = &old
		}
	}
	return all
}

// of is why Astro refuses the role of a binding, if it does.
func (w wishes) of(b *Binding, entry roleset.Target) *Refusal {
	return cmp.Or(w[wish{entry, b.Role(), ""}], w[wish{entry, b.Role(), b.Connection.Credential}])
}

// discount takes the say from claims through a credential that Astro does not let write the token, where a claim through
// another credential speaks of the same place: it could neither give the role nor take it away.
func (s *Situation) discount(d *Decision) {
	others := map[roleset.Target]map[string]bool{}
	for i := range s.Bindings {
		if entry := s.entry(d, i); d.Rulings[i].Class != roleset.None {
			if others[entry] == nil {
				others[entry] = map[string]bool{}
			}
			others[entry][s.Bindings[i].Connection.Credential] = true
		}
	}
	for i := range s.Bindings {
		may, known := s.Memory.mayWrite(&s.Bindings[i].Connection)
		if known && !may && len(others[s.entry(d, i)]) > 1 && d.Rulings[i].Class != roleset.None {
			d.Rulings[i].Overruled = d.Rulings[i].Class == roleset.Leave
			d.Rulings[i].Denied = true
			d.Rulings[i].Class = roleset.None
			d.Rulings[i].Fault = fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonPermissionDenied,
				"Astro does not let the API token of %s write the roles of %s, and another binding speaks of the same role; "+
					"give the connection's API token a role that may do this, such as ORGANIZATION_OWNER, and ask for another try by the annotation %s",
				s.Bindings[i].Connection.Words, s.Bindings[i].TokenWords(), v1alpha1.AnnotationRequestedAt)
		}
	}
}

// rolesetClaims are the bindings as the planner sees them. A claim that is being taken counts as not taken until a write
// may have reached Astro, so that each look at the token decides anew whether it may be taken.
func (s *Situation) rolesetClaims(rulings []Ruling) []roleset.Claim {
	claims := make([]roleset.Claim, 0, len(s.Bindings))
	for i := range s.Bindings {
		b, r := &s.Bindings[i], rulings[i]
		c := roleset.Claim{
			ID: b.ID(), Target: b.entry(r.Target), Role: b.Role(), Class: r.Class, Adopt: adoptOf(b.Object.Spec.Adopt),
			CreatedAt: b.Object.CreationTimestamp.Time,
			Observe:   r.Class == roleset.None && b.looksOn(r),
			Yields:    b.Orphan, // there is no object to release, and nothing that its user could be told
		}
		if claim := s.claimOf(b); claim != nil {
			c.ClaimedAt = claim.ClaimedAt
			if given := b.given(); r.Class == roleset.Hold && given != "" {
				c.Role = given // an edit counts once it may be carried out, and what others made of the role does not
			}
		} else if s.restored(b, r) {
			c.Adopt = roleset.AdoptAlways
		} else if (c.Class == roleset.Want || c.Observe) && c.Adopt == roleset.AdoptAlways && !s.mayTakeOver(b, &r) {
			c.Adopt = roleset.AdoptIfSameRole
		}
		claims = append(claims, c)
	}
	return claims
}

// claimOf is the claim of a binding that counts: taken before, or in this reconcile by a write that may have reached Astro.
// Where it is open whether a write did, another role in its place says that it did not, or that somebody has taken over.
func (s *Situation) claimOf(b *Binding) *pin.Claim {
	if b.Claim != nil {
		if !b.Recovered.IsZero() && s.another(b.Claim) {
			return nil
		}
		return b.Claim
	}
	if p, pending := s.Pending[b.Object.UID]; pending && p.Sent && (p.Given || !s.another(&p.Claim)) {
		return &p.Claim
	}
	return nil
}

func adoptOf(p v1alpha1.AdoptPolicy) roleset.Adopt {
	switch p {
	case v1alpha1.AdoptNever:
		return roleset.AdoptNever
	case v1alpha1.AdoptIfSameRole:
		return roleset.AdoptIfSameRole
	default:
		return roleset.AdoptAlways
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
