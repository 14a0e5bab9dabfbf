package roleset_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	. "github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// reference is the specification of Make said again as plainly as can be: each question is asked of each pair of claims
// and of each entry, nothing is sorted, shared or remembered. It answers with the roles on each target and the verdicts.
type reference struct {
	o      Observed
	claims []Claim
}

func (r reference) class(c Claim) Class {
	if c.Class == Want && c.Observe {
		return None
	}
	if c.Class == Want && (c.Role == "" || c.Target.ID == "") {
		return Hold
	}
	return c.Class
}

func (r reference) observes(c Claim) bool {
	return r.class(c) == None && c.Observe && c.Role != "" && c.Target.ID != ""
}

func (r reference) there(t Target) []string { return rolesOn(t, r.o.Roles) }

// satisfied: there is an entry, and none has another role.
func (r reference) satisfied(t Target, role string) bool {
	for _, found := range r.there(t) {
		if found != role {
			return false
		}
	}
	return len(r.there(t)) > 0
}

// seen is the role reported: the least of those that are not the role, else whatever there is.
func (r reference) seen(t Target, role string) string {
	least, found := "", false
	for _, other := range r.there(t) {
		if other != role && (!found || other < least) {
			least, found = other, true
		}
	}
	if !found && len(r.there(t)) > 0 {
		return role
	}
	return least
}

func (r reference) mayNotAdopt(c Claim) bool {
	if !c.ClaimedAt.IsZero() || len(r.there(c.Target)) == 0 {
		return false
	}
	for _, other := range r.claims {
		if other.ID != c.ID && other.Target == c.Target && r.class(other) != None &&
			(!other.ClaimedAt.IsZero() || r.class(other) == Leave) {
			return false
		}
	}
	return c.Adopt == AdoptNever || c.Adopt == AdoptIfSameRole && !r.satisfied(c.Target, c.Role)
}

func (r reference) takesPart(c Claim) bool {
	return r.class(c) == Hold || r.class(c) == Want && !r.mayNotAdopt(c)
}

func (r reference) before(a, b Claim) bool {
	switch there := r.satisfied(a.Target, a.Role); {
	case a.ClaimedAt.IsZero() && b.ClaimedAt.IsZero() && there != r.satisfied(b.Target, b.Role):
		return there
	case a.ClaimedAt.IsZero() && b.ClaimedAt.IsZero() && !a.CreatedAt.Equal(b.CreatedAt):
		return a.CreatedAt.Before(b.CreatedAt)
	case a.ClaimedAt.IsZero() && b.ClaimedAt.IsZero():
		return a.ID < b.ID
	case a.ClaimedAt.IsZero():
		return false
	case b.ClaimedAt.IsZero():
		return true
	case a.ClaimedAt.Equal(b.ClaimedAt):
		return a.ID < b.ID
	default:
		return a.ClaimedAt.Before(b.ClaimedAt)
	}
}

// winner is the claim before which there is no other.
func (r reference) winner(t Target) (Claim, bool) {
	for _, c := range r.claims {
		first := c.Target == t && r.takesPart(c)
		for _, other := range r.claims {
			if other.ID != c.ID && other.Target == t && r.takesPart(other) && r.before(other, c) {
				first = false
			}
		}
		if first {
			return c, true
		}
	}
	return Claim{}, false
}

func (r reference) verdict(c Claim) Verdict {
	winner, decided := r.winner(c.Target)
	by := func(outcome Outcome, role string) Verdict {
		return Verdict{Outcome: outcome, Observed: r.seen(c.Target, role), Winner: winner.ID, WinnerRole: winner.Role}
	}
	plain := func(outcome Outcome, role string) Verdict {
		return r.blocked(c, Verdict{Outcome: outcome, Observed: r.seen(c.Target, role)})
	}
	exists := len(r.there(c.Target)) > 0
	switch class := r.class(c); {
	case class == Hold:
		return plain(OnHold, c.Role)
	case class == Leave && !exists && r.ownSeen():
		return plain(Gone, "")
	case class == Leave && (!decided || !exists && winner.ClaimedAt.IsZero()):
		return plain(Remove, "")
	case class == Leave && r.class(winner) == Hold && winner.ClaimedAt.IsZero():
		return by(Waiting, "")
	case class == Leave:
		return by(Kept, "")
	case class == None && !r.observes(c):
		return plain(Ignored, c.Role)
	case r.mayNotAdopt(c):
		return plain(ExistingRole, c.Role)
	case decided && winner.Role != c.Role:
		return by(Conflict, winner.Role)
	case r.satisfied(c.Target, c.Role):
		return plain(InSync, c.Role)
	case decided && r.class(winner) == Hold:
		return by(OnHold, c.Role)
	case !exists:
		return plain(Add, c.Role)
	default:
		return plain(Update, c.Role)
	}
}

func (r reference) isOwn(kind astro.EntityType, id string) bool {
	return r.o.Scope != "" && string(kind) == string(r.o.Scope) && (r.o.Home == "" || r.o.Home == id)
}

func (r reference) ownSeen() bool {
	for _, e := range r.o.Roles {
		if r.isOwn(e.EntityType, e.EntityID) {
			return true
		}
	}
	return false
}

func (r reference) blocked(c Claim, v Verdict) Verdict {
	if v.Outcome != Add && v.Outcome != Update && v.Outcome != Remove {
		return v
	}
	switch {
	case !r.ownSeen():
		v.Outcome, v.Block = Blocked, OwnScopeRoleUnseen
	case r.isOwn(c.Target.Kind, c.Target.ID):
		v.Outcome, v.Block = Blocked, OwnScopeRole
	}
	return v
}

// desired are the roles on the target when all is done.
func (r reference) desired(t Target) []string {
	for _, c := range r.claims {
		if c.Target != t || r.class(c) == None {
			continue
		}
		switch r.verdict(c).Outcome {
		case Add, Update:
			return []string{c.Role}
		case Remove:
			return nil
		}
	}
	return r.there(t)
}

func agreesWithReference(t *rapid.T) {
	o, claims := drawObserved(t), drawClaims(t)
	p, r := Make(o, claims), reference{o, claims}
	want := map[string]Verdict{}
	for _, c := range claims {
		want[c.ID] = r.verdict(c)
	}
	if diff := cmp.Diff(want, p.Verdicts); diff != "" {
		t.Errorf("verdicts -reference +Make:\n%s", diff)
	}
	desired := p.Desired(o)
	for _, target := range targets {
		if diff := cmp.Diff(r.desired(target), rolesOn(target, desired), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("roles on %v -reference +Make:\n%s", target, diff)
		}
	}
}

func TestMakeAgreesWithReference(t *testing.T) { rapid.Check(t, agreesWithReference) }

// FuzzMake looks for a world in which any of the properties fails.
func FuzzMake(f *testing.F) {
	names := slices.Sorted(maps.Keys(properties))
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		properties[rapid.SampledFrom(names).Draw(t, "property")](t)
	}))
}
