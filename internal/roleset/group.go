package roleset

import (
	"slices"
)

// group is all that is claimed of one target, and what stands there now.
type group struct {
	target Target
	there  standing
	// claims in the order of precedence.
	claims []Claim
	// partial: what was read is not all there is, so that something may stand there that was not read.
	partial bool
	// taken: somebody holds, or held, the target, so that what stands there is not a stranger's.
	taken bool
	// winner has the say over the target, nil if nobody has.
	winner *Claim
}

func groups(o Observed, claims []Claim) map[Target]*group {
	there, partial := observe(o.Roles), !o.SeesOwnScope()
	byTarget := map[Target]*group{}
	for _, c := range claims {
		g := byTarget[c.Target]
		if g == nil {
			g = &group{target: c.Target, there: there[c.Target.Key()], partial: partial}
			byTarget[c.Target] = g
		}
		c = c.effective()
		g.claims = append(g.claims, c)
		g.taken = g.taken || c.Class == Leave || c.Class != None && c.claimed()
	}
	for _, g := range byTarget {
		slices.SortFunc(g.claims, g.byPrecedence)
		if i := slices.IndexFunc(g.claims, g.hasSay); i >= 0 {
			g.winner = &g.claims[i]
		}
	}
	return byTarget
}

// hasSay says whether the claim takes part in winning.
func (g *group) hasSay(c Claim) bool {
	return c.Class == Hold && !c.Yields || c.Class == Want && !g.forbidsAdopting(c)
}

// forbidsAdopting says whether what stands on the target is a stranger's, and the claim may not take it over.
func (g *group) forbidsAdopting(c Claim) bool {
	if c.claimed() || g.taken || len(g.there) == 0 {
		return false
	}
	return c.Adopt == AdoptNever || c.Adopt == AdoptIfSameRole && !g.there.are(c.Role)
}

func (g *group) verdict(c Claim) Verdict {
	switch {
	case c.Class == Hold:
		return Verdict{Outcome: OnHold, Observed: g.there.besides(c.Role)}
	case c.Class == Leave:
		return g.onLeaving()
	case c.Class == None && !c.Observe:
		return Verdict{Outcome: Ignored, Observed: g.there.besides(c.Role)}
	case g.forbidsAdopting(c):
		return Verdict{Outcome: ExistingRole, Observed: g.there.besides(c.Role)}
	default:
		return g.onWanting(c)
	}
}

// onWanting is the verdict on a claim that wants its role, or would (then it has the say only if nobody else has).
func (g *group) onWanting(c Claim) Verdict {
	winner := c
	if g.winner != nil {
		winner = *g.winner
	}
	v := Verdict{Observed: g.there.besides(winner.Role)}
	switch {
	case c.Role != winner.Role:
		return g.to(Conflict, v)
	case g.there.are(winner.Role):
		v.Outcome = InSync
	case winner.Class == Hold:
		return g.to(OnHold, v)
	case len(g.there) == 0:
		v.Outcome = Add
	default:
		v.Outcome = Update
	}
	return v
}

// onLeaving is the verdict on a claim that leaves. A claim on hold that nobody has taken may come to nothing, so that
// handing the role over to it could leave the role with nobody to remove it. A role that a partial read lacks may be there:
// it is not taken for gone, and it stays only with somebody who holds it.
func (g *group) onLeaving() Verdict {
	v := Verdict{Observed: g.there.besides("")}
	switch absent := len(g.there) == 0; {
	case absent && !g.partial:
		v.Outcome = Gone
	case g.winner == nil, absent && !g.winner.claimed():
		v.Outcome = Remove
	case g.winner.Class == Hold && !g.winner.claimed():
		return g.to(Waiting, v)
	default:
		return g.to(Kept, v)
	}
	return v
}

// to completes the verdict with the winner.
func (g *group) to(outcome Outcome, v Verdict) Verdict {
	v.Outcome, v.Winner, v.WinnerRole = outcome, g.winner.ID, g.winner.Role
	return v
}

// change is what is to be done about the target, if anything: what those with a say were told. They were all told the
// same, to write the winner's role, or to remove what is there since nobody has the say.
func (g *group) change() (Change, bool) {
	c := Change{Target: g.target, Claims: g.wanting()}
	if g.winner != nil {
		c.To = g.winner.Role
	}
	c.From = g.there.besides(c.To)
	return c, len(c.Claims) > 0
}

// wanting are the claims that count and for which something is to be written.
func (g *group) wanting() []string {
	var ids []string
	for _, c := range g.claims {
		if c.Class != None && g.verdict(c).Outcome.changes() {
			ids = append(ids, c.ID)
		}
	}
	return ids
}
