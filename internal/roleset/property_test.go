package roleset_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	. "github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// properties hold in every world.
var properties = map[string]func(*rapid.T){
	"AgreesWithReference":             agreesWithReference,
	"OthersSurviveByteForByte":        othersSurvive,
	"UpdatesKeepUnknownFields":        updatesKeepFields,
	"OwnScopeAndLastRoleStay":         ownScopeAndLastRoleStay,
	"OrderDoesNotMatter":              orderDoesNotMatter,
	"InputsAreNotChanged":             inputsAreNotChanged,
	"SecondPlanIsEmpty":               secondPlanIsEmpty,
	"OneByOneIsAllAtOnce":             oneByOneIsAllAtOnce,
	"EveryPrefixKeepsTheParents":      everyPrefixKeepsTheParents,
	"EveryClaimHasOneVerdict":         everyClaimHasOneVerdict,
	"ChangesAreDifferences":           changesAreDifferences,
	"HoldOnlyTakesChangesAway":        holdOnlyTakesAway,
	"HeldTargetsAreNotTouched":        heldTargetsAreNotTouched,
	"ObservingInfluencesNobody":       observingInfluencesNobody,
	"RemovedAndAddedAgain":            removedAndAddedAgain,
	"WhoeverIsNamedKeeperDecides":     keeperDecides,
	"SharedGrantGoesWithTheLastClaim": sharedGrantGoesWithTheLast,
}

func TestMakeProperties(t *testing.T) {
	for name, property := range properties {
		t.Run(name, func(t *testing.T) { rapid.Check(t, property) })
	}
}

// othersSurvive: what no change speaks of is there, in its order, byte for byte, and what nobody claims is such.
func othersSurvive(t *rapid.T) {
	o, claims := drawObserved(t), drawClaims(t)
	p := Make(o, claims)
	claimed, changed := map[astro.RoleKey]bool{}, map[astro.RoleKey]bool{}
	for _, c := range claims {
		claimed[c.Target.Key()] = claimed[c.Target.Key()] || c.Class == Want || c.Class == Leave
	}
	for _, c := range p.Changes {
		changed[c.Target.Key()] = true
		if !claimed[c.Target.Key()] {
			t.Errorf("a change to what nobody declares: %v %s", c.Target, c)
		}
	}
	strangers := func(roles []astro.Role) []string {
		return wires(slices.DeleteFunc(slices.Clone(roles), func(r astro.Role) bool { return changed[r.Key()] }))
	}
	if diff := cmp.Diff(strangers(o.Roles), strangers(p.Desired(o))); diff != "" {
		t.Errorf("others' roles -before +after:\n%s", diff)
	}
}

// updatesKeepFields: an updated entry is one of those that were there, but for its role; one that was right as it is.
func updatesKeepFields(t *rapid.T) {
	o := drawObserved(t)
	p := Make(o, drawClaims(t))
	desired := p.Desired(o)
	for _, change := range p.Changes {
		var was, right []string
		for _, r := range o.Roles {
			if r.Key() != change.Target.Key() {
				continue
			}
			was = append(was, fieldsWithRole(r, change.To))
			if r.Role == change.To {
				right = append(right, wires([]astro.Role{r})...)
			}
		}
		for _, r := range desired {
			if r.Key() != change.Target.Key() {
				continue
			}
			if len(was) > 0 && !slices.Contains(was, fieldsWithRole(r, change.To)) {
				t.Errorf("%s is none of %v", fieldsWithRole(r, change.To), was)
			}
			if is := wires([]astro.Role{r})[0]; len(right) > 0 && !slices.Contains(right, is) {
				t.Errorf("%s is none of those that were right: %v", is, right)
			}
		}
	}
}

func fieldsWithRole(r astro.Role, role string) string {
	fields := map[string]any{}
	if err := json.Unmarshal([]byte(wires([]astro.Role{r})[0]), &fields); err != nil {
		panic(err)
	}
	fields["role"] = role
	out, _ := json.Marshal(fields)
	return string(out)
}

func orderDoesNotMatter(t *rapid.T) {
	o, claims := drawObserved(t), drawClaims(t)
	p := Make(o, claims)
	shuffled := o
	shuffled.Roles = rapid.Permutation(o.Roles).Draw(t, "observed in another order")
	again := Make(shuffled, rapid.Permutation(claims).Draw(t, "claims in another order"))
	if diff := cmp.Diff(p, again); diff != "" {
		t.Errorf("plan -one order +another:\n%s", diff)
	}
	if diff := cmp.Diff(sortedWires(p.Desired(o)), sortedWires(again.Desired(shuffled))); diff != "" {
		t.Errorf("desired -one order +another:\n%s", diff)
	}
	changes := rapid.Permutation(p.Changes).Draw(t, "changes in another order")
	if diff := cmp.Diff(wires(p.Desired(o)), wires(Apply(o.Roles, changes))); diff != "" {
		t.Errorf("applied -one order +another:\n%s", diff)
	}
}

func inputsAreNotChanged(t *rapid.T) {
	o, claims := drawObserved(t), drawClaims(t)
	entries, said := wires(o.Roles), slices.Clone(claims)
	p := Make(o, claims)
	changes := slices.Clone(p.Changes)
	p.Desired(o)
	Halve(p.Changes)
	if diff := cmp.Diff(entries, wires(o.Roles)) + cmp.Diff(said, claims) + cmp.Diff(changes, p.Changes); diff != "" {
		t.Errorf("inputs -before +after:\n%s", diff)
	}
}

// secondPlanIsEmpty: once the changes are made, the claims that were granted are taken and the deleting claims that found nothing
// are let go, nothing is left to do, and everybody is told that all is as they were told it would be.
func secondPlanIsEmpty(t *rapid.T) {
	o, claims := drawObserved(t), drawClaims(t)
	p := Make(o, claims)
	after, held := o, slices.Clone(claims)
	after.Roles = p.Desired(o)
	granted := map[Target]bool{}
	held = slices.DeleteFunc(held, func(c Claim) bool { return p.Verdicts[c.ID].Outcome == Gone })
	for i, c := range held {
		if v := p.Verdicts[c.ID].Outcome; c.Class == Want && !c.Observe && (v == Add || v == Update || v == InSync) {
			granted[c.Target] = true
			if c.ClaimedAt.IsZero() {
				held[i].ClaimedAt = onDay(20)
			}
		}
	}
	second := Make(after, held)
	if len(second.Changes) > 0 {
		t.Errorf("left to do: %v after %v", told(second.Changes), told(p.Changes))
	}
	declared := map[string]string{}
	for _, c := range held {
		declared[c.ID] = c.Role
	}
	become := map[Outcome]Outcome{Add: InSync, Update: InSync, Remove: Gone}
	for _, c := range held {
		first, then := p.Verdicts[c.ID], second.Verdicts[c.ID]
		want, ok := become[first.Outcome]
		if !ok {
			want = first.Outcome
		}
		stranger := first.Outcome == ExistingRole && granted[c.Target] // no stranger's any more
		if then.Outcome != want && !stranger && (c.Class != None && !c.Observe) {
			t.Errorf("%s: %s, then %s", c.ID, first.Outcome, then.Outcome)
		}
		if declared[then.Winner] != declared[first.Winner] && !stranger && !c.Observe { // claims of one time go by their names
			t.Errorf("%s: winner %q, then %q", c.ID, first.Winner, then.Winner)
		}
	}
}

func oneByOneIsAllAtOnce(t *rapid.T) {
	o := drawObserved(t)
	p := Make(o, drawClaims(t))
	roles := o.Roles
	for _, c := range p.Changes {
		roles = Apply(roles, []Change{c})
	}
	if diff := cmp.Diff(wires(p.Desired(o)), wires(roles)); diff != "" {
		t.Errorf("-at once +one by one:\n%s", diff)
	}
	first, rest := Halve(p.Changes)
	if diff := cmp.Diff(wires(roles), wires(Apply(Apply(o.Roles, first), rest))); diff != "" {
		t.Errorf("-one by one +by halves:\n%s", diff)
	}
	if diff := cmp.Diff(wires(roles), wires(Apply(roles, p.Changes))); diff != "" {
		t.Errorf("-once +twice:\n%s", diff)
	}
}

func everyClaimHasOneVerdict(t *rapid.T) {
	o, claims := drawObserved(t), drawClaims(t)
	p := Make(o, claims)
	if len(p.Verdicts) != len(claims) {
		t.Errorf("%d verdicts on %d claims", len(p.Verdicts), len(claims))
	}
	wantedBy := map[string]Change{}
	for _, change := range p.Changes {
		for _, id := range change.Claims {
			if _, twice := wantedBy[id]; twice {
				t.Errorf("%s wants two changes", id)
			}
			wantedBy[id] = change
		}
	}
	legal := map[Class][]Outcome{
		Want:  {InSync, Add, Update, Conflict, ExistingRole, OnHold, Blocked},
		Hold:  {OnHold},
		Leave: {Remove, Gone, Kept, Waiting, Blocked},
		None:  {Ignored, InSync, Add, Update, Conflict, ExistingRole, OnHold, Blocked},
	}
	for _, c := range claims {
		v := p.Verdicts[c.ID]
		if c.Class == Want && c.Observe {
			c.Class = None
		}
		if !slices.Contains(legal[c.Class], v.Outcome) {
			t.Errorf("%v: %q", c, v.Outcome)
		}
		change, wants := wantedBy[c.ID]
		writes := c.Class != None && (v.Outcome == Add || v.Outcome == Update || v.Outcome == Remove)
		if wants != writes || wants && change.Target != c.Target {
			t.Errorf("%v is told %s, and the change is %v", c, v.Outcome, change)
		}
		if (v.Outcome == Blocked) != (v.Block != NotBlocked) {
			t.Errorf("%v: %s because of %q", c, v.Outcome, v.Block)
		}
	}
}

// changesAreDifferences: a change is made only where something differs, and is seen to be made afterwards.
func changesAreDifferences(t *rapid.T) {
	o := drawObserved(t)
	p := Make(o, drawClaims(t))
	for _, c := range p.Changes {
		if Confirmed(o.Roles, []Change{c}) {
			t.Errorf("%v %s is so already", c.Target, c)
		}
		if len(c.Claims) == 0 {
			t.Errorf("%v %s is wanted by nobody", c.Target, c)
		}
	}
	if !Confirmed(p.Desired(o), p.Changes) {
		t.Errorf("not confirmed: %v", told(p.Changes))
	}
}
