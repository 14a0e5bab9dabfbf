package decision

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// worlds is how many random situations each property is tried in.
const worlds = 1500

// forAll tries a property in random situations, the same ones in every run.
func forAll(t *testing.T, property func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	for seed := range uint64(worlds) {
		if property(t, rand.New(rand.NewPCG(seed, 1))); t.Failed() {
			t.Fatalf("in the world of seed %d", seed)
		}
	}
}

// summary is a decision without the order of its bindings, and without the times of claims, which follow that order.
func summary(s Situation, d Decision) map[string]any {
	at := func(all []int) (ids []string) {
		for _, i := range all {
			ids = append(ids, s.Bindings[i].ID())
		}
		slices.Sort(ids)
		return ids
	}
	rulings, origins := map[string]string{}, map[string]string{}
	for i, r := range d.Rulings {
		rulings[s.Bindings[i].ID()] = fmt.Sprintf("%s %+v", r.words(), r.Verdict)
	}
	for i, c := range d.claims {
		origins[s.Bindings[i].ID()] = fmt.Sprintf("%s %s %s %s", c.Origin, c.PreviousRole, c.Target, c.Role)
	}
	return map[string]any{
		"rulings": rulings, "origins": origins, "changes": changed(s, d), "take": at(d.Take),
		"finalizers": at(d.Finalizers), "readFirst": at(d.ReadFirst), "looks": at(d.Looks),
	}
}

func TestDecideIsAFunction(t *testing.T) {
	forAll(t, func(t *testing.T, r *rand.Rand) {
		s := randomSituation(r)
		first := summary(s, Decide(s))
		differ(t, "The same situation is decided the same way.", "decision", first, summary(s, Decide(s)))
		mixed := s
		mixed.Bindings = slices.Clone(s.Bindings)
		r.Shuffle(len(mixed.Bindings), func(i, j int) { mixed.Bindings[i], mixed.Bindings[j] = mixed.Bindings[j], mixed.Bindings[i] })
		differ(t, "The order of the bindings does not matter.", "decision", first, summary(mixed, Decide(mixed)))
	})
}

func TestDecideTouchesNothingUndeclared(t *testing.T) {
	forAll(t, func(t *testing.T, r *rand.Rand) {
		s := randomSituation(r)
		d := Decide(s)
		spoken := map[roleset.Target][]int{}
		for i := range s.Bindings {
			entry := s.entry(&d, i)
			spoken[entry] = append(spoken[entry], i)
		}
		for _, c := range d.Changes {
			if len(spoken[c.Target]) == 0 {
				t.Errorf("%v is changed, of which nobody speaks", c.Target)
			}
			mayChange := slices.ContainsFunc(spoken[c.Target], func(i int) bool {
				class := d.Rulings[i].Class
				return class == roleset.Want && c.To == s.Bindings[i].Role() || class == roleset.Leave && c.To == ""
			})
			if !mayChange {
				t.Errorf("%s on %v, which no binding wants: %s", c.Change, c.Target, ruled(d))
			}
			if c.To == "" && !slices.ContainsFunc(spoken[c.Target], func(i int) bool { return s.Bindings[i].Claim != nil }) {
				t.Errorf("%v is revoked without a claim on it", c.Target)
			}
		}
	})
}

func TestNextEndsWhateverComesBack(t *testing.T) {
	forAll(t, func(t *testing.T, r *rand.Rand) {
		stepThrough(t, r, randomSituation(r), func(Progress, Effect) {})
	})
}

// TestWritesAreAnnounced: whatever begins with a write says so, and through which connection, before anything is done.
func TestWritesAreAnnounced(t *testing.T) {
	announced := 0
	forAll(t, func(t *testing.T, r *rand.Rand) {
		p := Begin(randomSituation(r))
		through := p.Writes()
		if through != "" {
			announced++
		}
		switch e := Next(p).(type) {
		case ReadForWrite:
			if e.Through != through {
				t.Errorf("a write through %q is announced for %q", e.Through, through)
			}
		case WriteJournal:
			if through == "" {
				t.Errorf("claims are written down for a write that was not announced: %v", e.Claims)
			}
		}
	})
	if announced == 0 || announced == worlds {
		t.Errorf("%d of %d situations begin with a write", announced, worlds)
	}
}

func TestPostsRestOnClaims(t *testing.T) {
	forAll(t, func(t *testing.T, r *rand.Rand) {
		s := randomSituation(r)
		stepThrough(t, r, s, func(p Progress, e Effect) {
			post, is := e.(Post)
			if !is {
				return
			}
			if !p.slot {
				t.Error("a write without a read in its slot")
			}
			own := func(role astro.Role) bool { return string(role.EntityType) == string(p.Situation.Token.Token.Scope) }
			if !slices.ContainsFunc(post.Roles, own) {
				t.Errorf("a set is sent without the token's role on its own scope: %v", post.Roles)
			}
			for _, c := range post.Changes {
				for _, id := range c.Claims {
					b := p.Situation.Bindings[p.Decision.byID[id]]
					if pending := p.Situation.Pending[b.Object.UID]; b.Claim == nil && !pending.Journaled {
						t.Errorf("%s is sent for %s, which has no claim and no journal entry", c.Change, id)
					}
				}
			}
			declared, made := map[astro.RoleKey]bool{}, make([]roleset.Change, 0, len(post.Changes))
			for _, c := range post.Changes {
				made = append(made, c.Change)
				declared[c.Target.Key()] = true
			}
			if !roleset.Confirmed(post.Roles, made) {
				t.Errorf("a set is sent without what it is sent for: %v in %v", made, post.Roles)
			}
			keep := func(all []astro.Role) (kept []astro.Role) {
				for _, role := range all {
					if !declared[role.Key()] && !p.Situation.Drop[role.Key()] {
						kept = append(kept, role)
					}
				}
				return kept
			}
			differ(t, "What no change speaks of is written back as it was read.", "roles",
				astro.Rights(keep(p.Situation.Token.Token.Roles)), astro.Rights(keep(post.Roles)))
		})
	})
}

func TestReportsDoNotLie(t *testing.T) {
	forAll(t, func(t *testing.T, r *rand.Rand) {
		stepThrough(t, r, randomSituation(r), func(p Progress, e Effect) {
			report, is := e.(Report)
			if !is {
				return
			}
			at := p.Situation.byUID()
			for _, st := range report.Statements {
				i := at[st.UID]
				b, ruling := &p.Situation.Bindings[i], p.Decision.Rulings[i]
				if !st.Write || !meta.IsStatusConditionTrue(st.Status.Conditions, v1alpha1.ConditionSynced) {
					continue
				}
				if held := p.Situation.Token.Token.RoleOn(b.entry(ruling.Target).Key()); held != b.Role() {
					t.Errorf("%s is told that the token holds %s, which holds %q", b.ID(), b.Role(), held)
				}
				if !b.Observes() && !st.holds() {
					t.Errorf("%s is told that it has its role, and holds no claim: %s", b.ID(), ruling.words())
				}
			}
		})
	})
}

func TestNothingThatOthersHoldIsChanged(t *testing.T) {
	forAll(t, func(t *testing.T, r *rand.Rand) {
		seed := r.Uint64()
		s := randomSituation(rand.New(rand.NewPCG(seed, 2)))
		before := randomSituation(rand.New(rand.NewPCG(seed, 2)))
		stepThrough(t, r, s, func(Progress, Effect) {})
		for i := range s.Bindings {
			if diff := cmp.Diff(before.Bindings[i].Object, s.Bindings[i].Object); diff != "" {
				t.Errorf("an object of the cache was changed:\n%s", diff)
			}
		}
		differ(t, "What is remembered is the next reconcile's.", "refusals", len(before.Memory.Refusals), len(s.Memory.Refusals))
		if !maps.Equal(before.Memory.Writers, s.Memory.Writers) || len(s.Pending)+len(s.Out)+len(s.Lost)+len(s.Done) > 0 {
			t.Error("the situation was changed")
		}
	})
}

func TestWorkGrowsWithTheBindings(t *testing.T) {
	many := func(n int) Situation {
		var parts []part
		for i := range n {
			target := roleset.Target{Kind: astro.EntityWorkspace, ID: fmt.Sprintf("w%05d", i)}
			x := binding(fmt.Sprintf("b%05d", i)).on(target)
			switch i % 3 {
			case 0:
				x.claimed(1)
				parts = append(parts, holds(target, member))
			case 1:
				x.claimed(1).deleting()
			}
			parts = append(parts, x)
		}
		return situation(parts...)
	}
	growth := func(work func(Situation)) float64 {
		few, lots := many(200), many(800)
		return testing.AllocsPerRun(3, func() { work(lots) }) / testing.AllocsPerRun(3, func() { work(few) })
	}
	if ratio := growth(func(s Situation) { Decide(s) }); ratio > 6 {
		t.Errorf("deciding on four times as many bindings allocates %.1f times as often", ratio)
	}
	if ratio := growth(func(s Situation) { Begin(s).untold(false) }); ratio > 6 {
		t.Errorf("telling four times as many bindings allocates %.1f times as often", ratio)
	}
}
