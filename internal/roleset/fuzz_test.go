package roleset_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	. "github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// FuzzMakeOfAnyAnswer plans on whatever Astro may answer as the roles of a token, with claims on what it names and on
// what it does not.
func FuzzMakeOfAnyAnswer(f *testing.F) {
	for i, seed := range []string{
		`[` + ownRole + `]`, `[` + ownRole + `,` + on(ws1, viewer) + `,` + on(dep1, admin) + `]`, `[]`,
		`[` + ownRole + `,{"entityType":"DAG","entityId":"w1","deploymentId":"d1","role":"R"},{ "role" : "x<&>" ,"entityType":"GALAXY","entityId":"d1"}]`,
		`[` + on(ws1, viewer) + `,` + on(ws1, member) + `,{"entityType":"WORKSPACE","entityId":"w1","role":"A","role":"B"},` + ownRole + `,` + ownRole + `]`,
		`[{"entityType":"ORGANIZATION","entityId":"o2","role":"R"},{"entityType":"DEPLOYMENT","entityId":"","role":null}]`,
	} {
		for n := range 50 {
			f.Add([]byte(seed), uint64(i+10*n))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 0))
		o := []Observed{{Scope: astro.ScopeOrganization, Home: "o1"}, {Scope: astro.ScopeWorkspace, Home: "w1"}, {Scope: astro.ScopeDeployment, Home: "d1"}, {}}[random.IntN(4)]
		if json.Unmarshal(raw, &o.Roles) != nil {
			return
		}
		claims := claimsOn(random, o.Roles)
		p := Make(o, claims)
		desired := p.Desired(o)
		untouched(t, o, desired, p.Changes)
		updated(t, o.Roles, desired, p.Changes)
		if len(o.Roles) > 0 && len(desired) == 0 {
			t.Error("no role is left")
		}
		if left := Make(Observed{Scope: o.Scope, Home: o.Home, Roles: desired}, settled(claims, p)); len(left.Changes) > 0 {
			t.Errorf("left to do: %v after %v", told(left.Changes), told(p.Changes))
		}
		random.Shuffle(len(claims), func(i, j int) { claims[i], claims[j] = claims[j], claims[i] })
		if diff := cmp.Diff(p, Make(o, claims)); diff != "" {
			t.Errorf("plan -one order +another:\n%s", diff)
		}
		var again []astro.Role
		if err := json.Unmarshal(fmt.Appendf(nil, "[%s]", strings.Join(wires(desired), ",")), &again); err != nil || !slices.Equal(wires(again), wires(desired)) {
			t.Errorf("%v is sent, and read as %v, %v", wires(desired), wires(again), err)
		}
	})
}

// claimsOn are claims on Workspaces and Deployments, most of them such as the roles name.
func claimsOn(random *rand.Rand, there []astro.Role) []Claim {
	all := slices.Clone(targets)
	for _, r := range there {
		if k := r.EntityType; k == astro.EntityWorkspace || k == astro.EntityDeployment {
			all = append(all, Target{Kind: k, ID: r.EntityID})
		}
	}
	claims := make([]Claim, random.IntN(8))
	for i := range claims {
		claims[i] = Claim{
			ID: fmt.Sprint("a/", i), Target: all[random.IntN(len(all))], Role: roles[random.IntN(len(roles))],
			Class: []Class{Want, Want, Hold, Leave, Leave, None}[random.IntN(6)], Adopt: []Adopt{AdoptAlways, AdoptIfSameRole, AdoptNever}[random.IntN(3)],
			Observe: random.IntN(6) == 0,
		}
		if day := random.IntN(4); day > 0 {
			claims[i].ClaimedAt = onDay(day)
		}
	}
	return claims
}

// untouched fails unless all that no change speaks of is there as it was, in its order, and the own-scope role with it.
func untouched(t *testing.T, o Observed, after []astro.Role, changes []Change) {
	t.Helper()
	changed := map[astro.RoleKey]bool{}
	for _, c := range changes {
		if changed[c.Target.Key()] = true; c.Target == (Target{Kind: astro.EntityType(o.Scope), ID: o.Home}) {
			t.Errorf("the own scope is changed: %s", c)
		}
	}
	strangers := func(roles []astro.Role) []string {
		return wires(slices.DeleteFunc(slices.Clone(roles), func(r astro.Role) bool { return changed[r.Key()] }))
	}
	if diff := cmp.Diff(strangers(o.Roles), strangers(after)); diff != "" {
		t.Errorf("others' roles -before +after:\n%s", diff)
	}
}

// updated fails unless an entry whose role is changed is otherwise as it was.
func updated(t *testing.T, before, after []astro.Role, changes []Change) {
	t.Helper()
	on := func(roles []astro.Role, c Change) []astro.Role {
		return slices.DeleteFunc(slices.Clone(roles), func(r astro.Role) bool { return r.Key() != c.Target.Key() })
	}
	for _, c := range changes {
		was, is := on(before, c), on(after, c)
		if c.To == "" != (len(is) == 0) || len(is) > 1 {
			t.Errorf("%v %s: %v", c.Target, c, wires(is))
		}
		if len(was) == 1 && len(is) == 1 && wires(is)[0] != wires([]astro.Role{was[0].WithRole(c.To)})[0] {
			t.Errorf("%v %s: %v became %v", c.Target, c, wires(was), wires(is))
		}
	}
}

// settled are the claims once a plan was carried out: who was granted a role holds it, and who found none is gone.
func settled(claims []Claim, p Plan) []Claim {
	claims = slices.DeleteFunc(slices.Clone(claims), func(c Claim) bool { return p.Verdicts[c.ID].Outcome == Gone })
	for i, c := range claims {
		switch p.Verdicts[c.ID].Outcome {
		case Add, Update, InSync:
			if c.Class == Want && !c.Observe && c.ClaimedAt.IsZero() {
				claims[i].ClaimedAt = onDay(20)
			}
		}
	}
	return claims
}
