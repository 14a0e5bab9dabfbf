package decision

import (
	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// maxClaims is how many new claims one journal write and one Post carry at most.
const maxClaims = 250

// changes are those of the plan, each with the binding through whose connection it is made, and with what Astro had
// against it before.
func (s *Situation) changes(d Decision) []Change {
	all := make([]Change, 0, len(d.Plan.Changes))
	for _, c := range d.Plan.Changes {
		owner := s.owner(d, c)
		c.Claims = s.withinOneWrite(d, c.Claims, owner)
		change := Change{Change: c, Owner: owner}
		old, refused := s.Memory.refusal(&s.Bindings[owner], c.Target, c.To)
		switch {
		case s.Lost[s.Bindings[owner].Connection.ID] != nil:
			change.Refused = s.Lost[s.Bindings[owner].Connection.ID]
		case refused && s.resting(owner, old):
			change.Refused = old.Fault
		case c.To == "" && s.Limited[c.Target]:
			change.Refused = s.revocationLimited(owner)
		case s.Unseen[c.Target] != "":
			change.Refused = fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonDriftDetected, "%s", s.Unseen[c.Target])
		default:
			change.Alone = refused && old.Unshown == 0
		}
		all = append(all, change)
	}
	return all
}

// withinOneWrite are the owner and as many others of those who want a change as one journal write carries. To the rest
// the role is there afterwards.
func (s *Situation) withinOneWrite(d Decision, claims []string, owner int) []string {
	if len(claims) <= maxClaims {
		return claims
	}
	kept, news := make([]string, 0, len(claims)), 1
	for _, id := range claims {
		i := d.byID[id]
		isNew := s.Bindings[i].Claim == nil
		if isNew && i != owner {
			if news == maxClaims {
				continue
			}
			news++
		}
		kept = append(kept, id)
	}
	return kept
}

// owner is the binding for which a change is made, and with whose credential: of those who want it, the first that is
// allowed to by what Astro said before.
func (s *Situation) owner(d Decision, c roleset.Change) int {
	denied := map[string]bool{}
	for _, id := range c.Claims {
		i := d.byID[id]
		if old, refused := s.Memory.refusal(&s.Bindings[i], c.Target, c.To); refused && old.Forbidden && s.resting(i, old) {
			denied[s.Bindings[i].Connection.ID] = true
		}
	}
	for _, id := range c.Claims {
		if i := d.byID[id]; !denied[s.Bindings[i].Connection.ID] && s.reaches(&s.Bindings[i]) {
			return i
		}
	}
	return d.byID[c.Claims[0]]
}

// resting reports whether a refused change is not tried again yet: it rests until the next sweep looks at it, which may
// come a little early. What Astro took and did not show once may only be late, and is tried once more before.
func (s *Situation) resting(i int, old Refusal) bool {
	if old.Unshown == 1 {
		return false
	}
	object := s.Bindings[i].Connection.Object
	if object == nil {
		return true
	}
	return s.Now.Sub(old.At) < rest(object)
}

// revocationLimited says why nothing is revoked through the connection for now.
func (s *Situation) revocationLimited(i int) *fault.Fault {
	c := &s.Bindings[i].Connection
	spec := c.Object.ConnectionSpec()
	return fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonRevocationLimited,
		"more than %d role(s) were to be revoked through %s within %s, or more than half of them in this namespace, so it revokes none of these for now; "+
			"its condition %s says what to do",
		spec.MaxRevocationsPerSweep, c.Words, spec.SweepInterval.Duration, v1alpha1.ConditionRevocationsPaused)
}

// challenge is a connection whose credential is to prove that it may write the token: its claim decides over a role of
// which a claim through another credential speaks as well, and nobody has seen it write this token, or it was refused and its user asks
// for another try. It is not asked to write the token that it is itself.
func (s *Situation) challenge(d Decision) string {
	if d.Plan.Blocked == roleset.OwnScopeRoleUnseen {
		return "" // what was read is not all there is, and would be written without the token's role on its own scope
	}
	for i := range s.Bindings {
		v := d.Rulings[i].Verdict
		if !standsAgainst(v.Outcome) || d.Rulings[i].withheld() {
			continue
		}
		at, found := d.byID[v.Winner]
		if !found || at == i {
			continue
		}
		winner := &s.Bindings[at].Connection
		_, known := s.Memory.Writers[winner.Credential]
		if winner.Credential != s.Bindings[i].Connection.Credential && !known && s.mayChallenge(&s.Bindings[at]) {
			return winner.ID
		}
	}
	for i := range s.Bindings {
		if c := &s.Bindings[i].Connection; d.Rulings[i].Denied && s.Memory.Again[c.Credential] && s.mayChallenge(&s.Bindings[i]) {
			return c.ID
		}
	}
	return ""
}

// mayChallenge reports whether the credential of a binding can be asked whether it may write the token.
func (s *Situation) mayChallenge(b *Binding) bool {
	c := &b.Connection
	return !c.observes() && !s.selfProtected(b) && !s.undecided(c) && s.reaches(b) && s.Lost[c.ID] == nil
}

// standsAgainst reports whether the winner of a verdict keeps a claim from what it would have without it.
func standsAgainst(o roleset.Outcome) bool {
	return o == roleset.Conflict || o == roleset.Kept || o == roleset.OnHold || o == roleset.Waiting
}

// undecided reports whether the credential of a connection was challenged without an answer that tells, and is not asked again yet:
// the set that Astro refuses as it is rests like any other change that it refuses.
func (s *Situation) undecided(c *Connection) bool {
	at, asked := s.Memory.Undecided[c.Credential]
	return asked && c.Object != nil && s.Now.Sub(at) < rest(c.Object)
}
