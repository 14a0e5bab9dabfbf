package decision

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
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

func one[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func chance(r *rand.Rand, n int) bool { return r.IntN(n) == 0 }

// randomSituation is a small one, in which bindings meet on few places and through few connections.
func randomSituation(r *rand.Rand) Situation {
	parts := []part{}
	for i := range 1 + r.IntN(6) {
		parts = append(parts, randomBinding(r, i))
	}
	for _, target := range []roleset.Target{w1, w2, d1, d3} {
		if chance(r, 2) {
			parts = append(parts, holds(target, one(r, member, owner, admin, deployer)))
		}
	}
	parts = append(parts, holds(roleset.Target{Kind: "GALAXY", ID: "g1"}, "STAR"))
	s := situation(parts...)
	randomToken(r, &s)
	randomMemory(r, &s)
	return s
}

func randomBinding(r *rand.Rand, i int) *bindingBuilder {
	target := one(r, w1, w2, d1, d3)
	x := binding(fmt.Sprintf("b%d", i)).on(target).role(one(r, member, owner, admin, deployer)).made(1 + r.IntN(3)).in(one(r, "team", "other"))
	x.adopt(one(r, v1alpha1.AdoptAlways, v1alpha1.AdoptAlways, v1alpha1.AdoptIfSameRole, v1alpha1.AdoptNever))
	if chance(r, 3) {
		x.named(one(r, "ci", "ci", "other"))
	}
	if chance(r, 4) {
		x.targetNamed()
	}
	if chance(r, 8) {
		x.found()
	}
	if chance(r, 4) {
		x.through(one(r, "other", "third"))
	}
	randomConnection(r, &x.b.Connection)
	if len(x.b.Target.Found) > 0 {
		switch r.IntN(6) {
		case 0, 1:
			x.claimed(10 + i)
		case 2:
			x.adopted(10 + i)
		case 3:
			x.recovered(now.Add(-time.Duration(r.IntN(20)) * time.Second))
			x.b.Claim.ClaimedAt = onDay(10 + i)
		case 4:
			x.seen()
		}
	}
	for _, edit := range []func(){
		func() { x.edited() }, func() { x.suspended() }, func() { x.observing() }, func() { x.deleting() }, func() { x.deleting().finalized() },
		func() { x.finalized() }, func() { x.annotated(v1alpha1.AnnotationRequestedAt, "now") }, func() { x.role(one(r, member, owner)) },
		func() { x.annotated(v1alpha1.AnnotationConfirmToken, "t2").b.Names.Tokens = []astro.Token{{ID: "t2"}} },
		func() { x.b.Target = TargetFinding{Looked: true, Err: errLost} }, func() { x.b.LabelsErr = errOdd },
	} {
		if chance(r, 9) {
			edit()
		}
	}
	if x.b.Claim != nil && chance(r, 12) {
		x.orphan()
	}
	return x
}

func randomConnection(r *rand.Rand, c *Connection) {
	for _, edit := range []func(*Connection){
		func(c *Connection) { c.Object = nil }, func(c *Connection) { c.Ready = false }, func(c *Connection) { c.Deleting = true },
		func(c *Connection) { c.Ready, c.Callable = false, false }, func(c *Connection) { c.Organization = "o2" }, onlyRole(owner),
		func(c *Connection) { onlyRole(owner)(c); withdrawing(c) }, func(c *Connection) { c.Credential = "shared" },
		spec(func(s *v1alpha1.ConnectionSpec) { s.DanglingRoles = v1alpha1.DanglingDrop }),
	} {
		if chance(r, 18) && c.Object != nil {
			edit(c)
		}
	}
}

func randomToken(r *rand.Rand, s *Situation) {
	s.Token.ByID = chance(r, 3)
	switch r.IntN(12) {
	case 0:
		s.Token = Observation{Presence: one(r, Unseen, Absent, Gone)}
	case 1:
		s.Token.HiddenFrom = map[string]bool{connection("acme").ID: true}
	case 2:
		s.Token.CredentialOf = []string{connection("acme").ID}
	case 3:
		s.Token.Token.Roles = s.Token.Token.Roles[1:] // the own-scope role is not shown
	}
}

func randomMemory(r *rand.Rand, s *Situation) {
	for i := range s.Bindings {
		b := &s.Bindings[i]
		target, _ := b.target()
		if chance(r, 5) {
			f := fault.FromAstroError(v1alpha1.ConditionSynced, "x", errInvalid)
			s.Memory = s.Memory.refused(b, b.entry(target), one(r, b.Role(), ""), Refusal{
				At: now.Add(-time.Duration(r.IntN(8)) * time.Minute), Forbidden: chance(r, 2), Invalid: chance(r, 2), Fault: f,
			})
		}
		if chance(r, 6) {
			s.Memory = s.Memory.writer(b.Connection.Credential, chance(r, 2))
		}
		if chance(r, 8) {
			for range 3 {
				s.Memory = s.Memory.restored(now.Add(-time.Minute), b)
			}
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

// randomDriver performs effects with random results.
type randomDriver struct {
	r *rand.Rand
	s Situation
}

func (x randomDriver) result(p Progress, e Effect) any {
	r, err := x.r, one(x.r, nil, nil, errLost, errForbidden, errInvalid, errThrottled, errOdd, errConflict)
	switch e := e.(type) {
	case Read, ReadForWrite:
		t := TokenRead{Token: x.s.Token.Token, Err: err}
		t.Token.Roles = slices.DeleteFunc(slices.Clone(p.Situation.Token.Token.Roles), func(astro.Role) bool { return chance(r, 6) })
		if _, inSlot := e.(ReadForWrite); inSlot && chance(r, 3) {
			t.Bindings = slices.Clone(x.s.Bindings[:r.IntN(len(x.s.Bindings)+1)])
		}
		return t
	case AddFinalizers:
		done := Patched{Gone: map[types.UID]bool{}, Errs: map[types.UID]error{}}
		for _, uid := range e.Bindings {
			switch r.IntN(4) {
			case 0:
				done.Gone[uid] = true
			case 1:
				done.Errs[uid] = errConflict
			}
		}
		return done
	case MayRevoke:
		done := Permitted{map[roleset.Target]bool{}}
		for _, t := range e.Targets {
			if chance(r, 2) {
				done.Targets[t] = chance(r, 2)
			}
		}
		return done
	case Post:
		u := astro.Update{Written: true, Confirmed: chance(r, 2), Sent: e.Roles, After: x.s.Token.Token}
		u.After.Roles = e.Roles
		return Replaced{Update: u, Err: one(r, nil, err)}
	case Diagnose:
		found := Findings{RolesKnown: chance(r, 2), Missing: map[roleset.Target]bool{}}
		if chance(r, 2) && len(e.Changes) > 0 {
			found.Missing[e.Changes[0].Target] = true
		}
		if e.Dangling && chance(r, 2) {
			found.Dead = []astro.Role{astro.NewRole("GALAXY", "g1", "STAR")}
			found.Lapsed = x.s.Declared(Decide(x.s), astro.EntityDeployment)
		}
		return found
	case Report:
		done := Reported{Errs: map[types.UID]error{}}
		for _, st := range e.Statements {
			if chance(r, 3) {
				done.Errs[st.UID] = errConflict
			}
		}
		return done
	}
	return Stored{one(r, nil, errOdd)}
}

// stepThrough works on the situation whatever comes back, and shows each effect before it is performed.
func stepThrough(t *testing.T, r *rand.Rand, s Situation, see func(Progress, Effect)) {
	t.Helper()
	x := randomDriver{r, s}
	p := Begin(s)
	for range 400 {
		e := Next(p)
		if e == nil {
			return
		}
		see(p, e)
		if post, is := e.(Post); is {
			p = Sending(p, post)
		}
		p = After(p, e, x.result(p, e))
	}
	t.Errorf("no end in sight: %T %+v", Next(p), Next(p))
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
			for _, c := range post.Changes {
				for _, id := range c.Claims {
					b := p.Situation.Bindings[p.Decision.byID[id]]
					if pending := p.Situation.Pending[b.Object.UID]; b.Claim == nil && !pending.Journaled {
						t.Errorf("%s is sent for %s, which has no claim and no journal entry", c.Change, id)
					}
				}
			}
			declared := map[astro.RoleKey]bool{}
			for _, c := range post.Changes {
				declared[c.Target.Key()] = true
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
