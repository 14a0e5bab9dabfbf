package decision

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

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
		func() {
			x.annotated(v1alpha1.AnnotationConfirmToken, "t2").b.Names.Tokens = []astro.Token{{ID: "t2", Name: "ci", Scope: astro.ScopeOrganization}}
		},
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
			found.Retired, found.Unlisted = Progress{Situation: x.s, Decision: Decide(x.s)}.Unlisted(nil)
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
