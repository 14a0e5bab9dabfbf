package decision

import (
	"cmp"
	"slices"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

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

// claimsToTake lists the bindings whose claim matters from here on and is not taken yet, with the claims. Before a claim
// that may not take an existing role over, the token has to be read by id: a listing may be older than such a role. Claims that are taken
// together are as old as their bindings would have it: who had the say without a claim has it with one.
func (s *Situation) claimsToTake(d *Decision) (take, readFirst []int) {
	at, covered := s.nextClaimTime(), s.covered(d)
	for _, i := range s.unclaimed(d) {
		b := &s.Bindings[i]
		if !s.Token.ByID && adoptOf(b.Object.Spec.Adopt) != roleset.AdoptAlways {
			if s.Lost[b.Connection.ID] == nil {
				readFirst = append(readFirst, i)
			}
			continue
		}
		if p, pending := s.Pending[b.Object.UID]; pending {
			d.claims[i] = s.newClaim(d, i, covered, p.Claim.ClaimedAt)
		} else {
			d.claims[i] = s.newClaim(d, i, covered, at)
			at = at.Add(time.Microsecond)
		}
		take = append(take, i)
	}
	return take, readFirst
}

// unclaimed are the bindings whose claim matters and is not taken yet, in the order in which those without a claim have the say.
func (s *Situation) unclaimed(d *Decision) (all []int) {
	for i := range s.Bindings {
		if r := &d.Rulings[i]; r.Class == roleset.Want && enters(r.Verdict.Outcome) && s.claimOf(&s.Bindings[i]) == nil {
			all = append(all, i)
		}
	}
	there := func(i int) int {
		if s.roleOn(s.entry(d, i)) == s.Bindings[i].Role() {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(all, func(i, j int) int {
		a, b := &s.Bindings[i], &s.Bindings[j]
		return cmp.Or(cmp.Compare(there(i), there(j)), a.Object.CreationTimestamp.Compare(b.Object.CreationTimestamp.Time), cmp.Compare(a.ID(), b.ID()))
	})
	return all
}

// enters reports whether a claim matters under the verdict.
func enters(o roleset.Outcome) bool {
	return o == roleset.InSync || o == roleset.Add || o == roleset.Update
}

// nextClaimTime is later than every claim of the token that is known, whatever the clock says.
func (s *Situation) nextClaimTime() time.Time {
	at := s.Now.Truncate(time.Microsecond)
	later := func(t time.Time) {
		if !t.Before(at) {
			at = t.Add(time.Microsecond)
		}
	}
	for i := range s.Bindings {
		later(pin.LastClaimed(s.Bindings[i].Object)) // one that was given up as well: the journal's has to be later
		if claim := s.Bindings[i].Claim; claim != nil {
			later(claim.ClaimedAt)
		}
	}
	for _, p := range s.Pending {
		later(p.Claim.ClaimedAt)
	}
	return at
}

// covered are the claims that count, by the place that they cover.
func (s *Situation) covered(d *Decision) map[roleset.Target]*pin.Claim {
	all := map[roleset.Target]*pin.Claim{}
	for i := range s.Bindings {
		claim := s.claimOf(&s.Bindings[i])
		if claim == nil || d.Rulings[i].Class == roleset.None {
			continue
		}
		entry := s.entry(d, i)
		if first := all[entry]; first == nil || claim.ClaimedAt.Before(first.ClaimedAt) {
			all[entry] = claim
		}
	}
	return all
}

func (s *Situation) newClaim(d *Decision, i int, covered map[roleset.Target]*pin.Claim, at time.Time) pin.Claim {
	b := &s.Bindings[i]
	origin, previous := s.originOf(d, i, covered)
	return pin.Claim{
		Host: s.Key.Host, Organization: s.Key.Organization, Token: s.Key.Token,
		TargetKind: b.Object.Spec.Target.Kind, Target: s.entry(d, i).ID, Role: b.Role(),
		Origin: origin, PreviousRole: previous, ClaimedAt: at,
	}
}

// originOf says how a binding comes by its role. Where another binding's claim, an orphan's among them, covers the role
// already, it is that claim's origin: the role came from a declaration, however it came there first.
func (s *Situation) originOf(d *Decision, i int, covered map[roleset.Target]*pin.Claim) (v1alpha1.Origin, string) {
	entry := s.entry(d, i)
	if claim := covered[entry]; claim != nil {
		return claim.Origin, claim.PreviousRole
	}
	if status := s.Bindings[i].Object.Status; s.restored(&s.Bindings[i], d.Rulings[i]) {
		return status.Origin, status.PreviousRole
	}
	if role := s.roleOn(entry); role != "" {
		return v1alpha1.OriginAdopted, text.Clip(role, text.MostRole) // for a status, and a page of the journal
	}
	return v1alpha1.OriginCreated, ""
}
