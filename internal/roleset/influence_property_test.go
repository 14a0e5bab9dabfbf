package roleset_test

import (
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	. "github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// steps are the changes without who wants them.
func steps(changes []Change) []string {
	var out []string
	for _, line := range told(changes) {
		step, _, _ := strings.Cut(line, " for ")
		out = append(out, step)
	}
	return out
}

func holdOnlyTakesAway(t *rapid.T) {
	o, claims := drawObserved(t), drawClaims(t)
	more := drawClaim(t)
	more.ID, more.Class = rapid.SampledFrom([]string{"a/0", "z/0"}).Draw(t, "id of hold"), Hold
	had, has := steps(Make(o, claims).Changes), steps(Make(o, append(slices.Clone(claims), more)).Changes)
	for _, step := range has {
		if !slices.Contains(had, step) {
			t.Errorf("a claim on hold caused %q; before there was %q", step, had)
		}
	}
}

func heldTargetsAreNotTouched(t *rapid.T) {
	o, claims := drawObserved(t), drawClaims(t)
	onHold := rapid.SampledFrom(targets).Draw(t, "on hold")
	for i := range claims {
		if claims[i].Target == onHold && claims[i].Class == Want {
			claims[i].Class = Hold
		}
	}
	p := Make(o, claims)
	anybody := slices.ContainsFunc(claims, func(c Claim) bool { return c.Target == onHold && c.Class == Hold })
	for _, c := range p.Changes {
		if c.Target == onHold && (anybody || c.To != "") {
			t.Errorf("%v is on hold: %s", c.Target, c)
		}
	}
}

func observingInfluencesNobody(t *rapid.T) {
	o, claims := drawObserved(t), drawClaims(t)
	var others []Claim
	for _, c := range claims {
		if observes := c.Observe && (c.Class == Want && c.Role != "" && c.Target.ID != "" || c.Class == None); c.Class != None && !observes {
			others = append(others, c)
		}
	}
	with, alone := Make(o, claims), Make(o, others)
	if diff := cmp.Diff(alone.Changes, with.Changes, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("changes -without +with those that observe:\n%s", diff)
	}
	for _, c := range others {
		if diff := cmp.Diff(alone.Verdicts[c.ID], with.Verdicts[c.ID]); diff != "" {
			t.Errorf("%s -without +with those that observe:\n%s", c.ID, diff)
		}
	}
}

// removedAndAddedAgain: a claim that is alone on its target takes its grant along and gets it again.
func removedAndAddedAgain(t *rapid.T) {
	o := drawObserved(t)
	mine := claim("m/m", rapid.SampledFrom(targets).Draw(t, "mine"), admin)
	others := slices.DeleteFunc(drawClaims(t), func(c Claim) bool { return c.Target == mine.Target })
	state := func(class Class, day int) []string {
		c := mine
		if c.Class = class; day > 0 {
			c.ClaimedAt = onDay(day)
		}
		p := Make(o, append(slices.Clone(others), c))
		if p.Verdicts[c.ID].Outcome == Blocked {
			t.Skip("the token is protected")
		}
		o.Roles = p.Desired(o)
		return rolesOn(mine.Target, o.Roles)
	}
	wanted, gone, again := state(Want, 0), state(Leave, 5), state(Want, 0)
	want := []string{admin}
	if unchanged := slices.Compact(slices.Clone(wanted)); !slices.Equal(unchanged, want) || len(gone) > 0 || !slices.Equal(again, want) {
		t.Errorf("wanted %q, gone %q, again %q", wanted, gone, again)
	}
}

// keeperDecides: whoever a deleted claim is told keeps the role has the say in the same plan.
func keeperDecides(t *rapid.T) {
	o, claims := drawObserved(t), drawClaims(t)
	p := Make(o, claims)
	for _, c := range claims {
		v := p.Verdicts[c.ID]
		if unseen := len(rolesOn(c.Target, o.Roles)) == 0 && !o.SeesOwnScope(); v.Outcome != Kept || unseen {
			continue
		}
		i := slices.IndexFunc(claims, func(k Claim) bool { return k.ID == v.Winner })
		keeper, now := claims[i], rolesOn(c.Target, p.Desired(o))
		fulfilled := !slices.ContainsFunc(now, func(role string) bool { return role != keeper.Role })
		writable := keeper.Class == Want && keeper.Role != "" && p.Verdicts[keeper.ID].Outcome != Blocked
		if keeper.Target != c.Target || len(now) == 0 || writable && !fulfilled {
			t.Errorf("%s was told that %v keeps the role, and there is %q", c.ID, keeper, now)
		}
		if rest := Make(o, without(claims, c.ID)); !cmp.Equal(rolesOn(c.Target, rest.Desired(o)), now) && !adoptionDepends(claims, c) {
			t.Errorf("without the deleted claim %s the roles are not %q", c.ID, now)
		}
	}
}

// adoptionDepends says whether somebody on the deleted claim's target is not taken, and so might not adopt without the deleted claim.
func adoptionDepends(claims []Claim, deleted Claim) bool {
	return slices.ContainsFunc(claims, func(c Claim) bool {
		return c.Target == deleted.Target && c.ClaimedAt.IsZero() && c.Adopt != AdoptAlways
	})
}

func sharedGrantGoesWithTheLast(t *rapid.T) {
	o := organizationToken(rapid.SliceOfN(rapid.Custom(drawEntry), 0, 4).Draw(t, "entries")...)
	sharers := []Claim{claim("a/1", dep1, admin), claim("a/2", dep1, admin, held(2)), claim("a/3", dep1, admin), claim("a/4", dep1, admin, held(1))}
	for len(sharers) > 0 {
		i := rapid.IntRange(0, len(sharers)-1).Draw(t, "next to leave")
		o.Roles = Make(o, sharers).Desired(o)
		if now := slices.Compact(rolesOn(dep1, o.Roles)); !slices.Equal(now, []string{admin}) {
			t.Fatalf("%d share the grant, and there is %q", len(sharers), now)
		}
		leaving(&sharers[i])
		p := Make(o, sharers)
		o.Roles = p.Desired(o)
		want := Kept
		if len(sharers) == 1 {
			want = Remove
		}
		if got := p.Verdicts[sharers[i].ID].Outcome; got != want {
			t.Fatalf("%d share the grant, and the one who leaves is told %s", len(sharers), got)
		}
		sharers = without(sharers, sharers[i].ID)
	}
	if now := rolesOn(dep1, o.Roles); len(now) > 0 {
		t.Errorf("all have left, and there is %q", now)
	}
}
