package plan

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/audit"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// reconcile works on the bindings of one token.
func (r *run) reconcile(g group) {
	s := decision.Situation{
		Key: g.key, Now: r.now, Bindings: g.bindings, Token: r.observation(g.key), Memory: r.memory[g.key],
	}
	s.Bindings = r.lookUp(s)
	r.memory[g.key] = r.carryOut(decision.Begin(s)).Situation.Memory
}

// reconcileUnresolved finds the tokens that bindings name, and tells the others what is wrong.
func (r *run) reconcileUnresolved(g group) {
	s := decision.Situation{Key: g.key, Now: r.now, Bindings: g.bindings}
	at, o := organizationOf(g.key), r.world.Organizations[organizationOf(g.key)]
	for i := range s.Bindings {
		b := &s.Bindings[i]
		if !s.NeedsToken(b) {
			continue
		}
		if b.Names.Tokens = r.names[at][b.NameRef()]; len(b.Names.Tokens) == 1 {
			continue
		}
		b.Target = r.targetOf(at, s, b) // for the rules
		if s.HintsAtTokens(b) {
			b.Names.Alike = o.alike(b.NameRef())
		}
		if s.HintsAtTargets(b) {
			b.Target.Alike = o.alikeTargets(b.TargetQuery())
		}
	}
	p, handOver := decision.BeginUnresolved(s)
	for i, token := range handOver {
		r.handed[s.Bindings[i].Object.UID] = token
	}
	r.carryOut(p)
}

// carryOut performs the effects that the protocol asks for, until it asks for none.
func (r *run) carryOut(p decision.Progress) decision.Progress {
	for {
		effect := decision.Next(p)
		switch e := effect.(type) {
		case nil:
			return p
		case decision.Post:
			p = r.post(p, e)
		case decision.Report:
			for _, said := range p.AuditReport(e) {
				r.log(p, said)
			}
			r.report(e)
			p = decision.After(p, e, decision.Reported{})
		case decision.ReadForWrite:
			p = decision.After(p, e, r.read(p))
			switch decision.Next(p).(type) {
			case decision.Post, decision.MayRevoke:
			default:
				p = decision.Close(p)
			}
		default:
			p = decision.After(p, e, r.perform(p, e))
		}
	}
}

// perform is the result of what touches neither Astro nor a status.
func (r *run) perform(p decision.Progress, effect decision.Effect) any {
	switch e := effect.(type) {
	case decision.Read:
		return r.read(p)
	case decision.AddFinalizers:
		return r.addFinalizers(e)
	case decision.MayRevoke:
		return r.mayRevoke(p, e)
	case decision.Diagnose:
		o := r.world.Organizations[organizationOf(p.Situation.Key)]
		return decision.Findings{Roles: o.Roles, RolesKnown: o.RolesKnown, Missing: map[roleset.Target]bool{}}
	case decision.WriteJournal, decision.Withdraw, decision.Clear:
		return decision.Stored{} // nothing here outlives its reconcile but what the statuses hold
	}
	panic(fmt.Sprintf("no way to perform %T", effect))
}

func (r *run) read(p decision.Progress) decision.TokenRead {
	t, listed := r.tokens[p.Situation.Key]
	if !listed {
		return decision.TokenRead{Err: fmt.Errorf("the token is not listed: %w", astro.ErrNotFound), Now: r.now}
	}
	return decision.TokenRead{Token: t, Now: r.now}
}

func (r *run) addFinalizers(e decision.AddFinalizers) decision.Patched {
	patched := decision.Patched{Objects: map[types.UID]decision.Binding{}}
	for _, uid := range e.Bindings {
		o := r.objects[uid].DeepCopy()
		controllerutil.AddFinalizer(o, v1alpha1.FinalizerRevoke)
		r.objects[uid], r.changed = o, true
		patched.Objects[uid] = decision.Binding{Object: o}
	}
	return patched
}

// post gives the token the roles, unless Astro would refuse them.
func (r *run) post(p decision.Progress, e decision.Post) decision.Progress {
	key := p.Situation.Key
	t := r.tokens[key]
	p = decision.Sending(p, e)
	became := decision.Replaced{Err: r.refusal(p, e), Now: r.now}
	if became.Err == nil {
		t.Roles, r.changed = slices.Clone(e.Roles), true
		became.Update = astro.Update{Before: r.tokens[key], Written: true, Attempted: true, Confirmed: true, Sent: e.Roles, After: t}
		r.tokens[key] = t
	}
	for _, said := range p.Audit(e, astro.Attempt{Err: became.Err, Confirmed: became.Err == nil}) {
		r.log(p, said)
	}
	return decision.After(p, e, became)
}

// refused is why Astro would refuse a set.
type refused string

func (e refused) Error() string { return string(e) }
func (e refused) Unwrap() error { return astro.ErrInvalid }

// refusal is what Astro has against a set, as far as its list of roles tells: a role that there is not, or not in the Workspace.
func (r *run) refusal(p decision.Progress, e decision.Post) error {
	o := r.world.Organizations[organizationOf(p.Situation.Key)]
	for _, c := range e.Changes {
		custom := p.NeedsRoles(decision.Diagnose{Changes: []decision.Change{c}})
		if !custom || !o.RolesKnown {
			continue
		}
		i := slices.IndexFunc(o.Roles, func(role astro.CustomRole) bool { return role.Name == c.To })
		if i < 0 {
			return refused("Astro does not list it")
		}
		at := r.targets[organizationOf(p.Situation.Key)][c.Target.Key()]
		if within := o.Roles[i].WorkspaceIDs; len(within) > 0 && !slices.Contains(within, at.WorkspaceID) {
			return refused("Astro lists it for others only")
		}
	}
	return nil
}

func (r *run) log(p decision.Progress, said audit.Entry) {
	r.entries = append(r.entries, entry{Entry: said, at: organizationOf(p.Situation.Key)})
}

// report writes the statuses, and lets go of what is deleted.
func (r *run) report(e decision.Report) {
	for _, st := range e.Statements {
		o := r.objects[st.UID].DeepCopy()
		if st.Write && !equality.Semantic.DeepEqual(o.Status, st.Status) {
			o.Status, r.changed = st.Status, true
		}
		if st.Release && controllerutil.RemoveFinalizer(o, v1alpha1.FinalizerRevoke) {
			r.changed = true
		}
		r.objects[st.UID] = o
		if !o.DeletionTimestamp.IsZero() && !controllerutil.ContainsFinalizer(o, v1alpha1.FinalizerRevoke) {
			delete(r.objects, st.UID)
		}
	}
}
