package token

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// lookUp returns the bindings with the targets that they mean, and with the tokens that have their name now where the one
// that had it is gone.
func (r *Reconciler) lookUp(ctx context.Context, g group, s decision.Situation) []decision.Binding {
	r.foresee(g)
	return r.eachOf(g, s.Bindings, func(_ int, b *decision.Binding, h connection.Handle) {
		b.Target = r.targetOf(ctx, s, b, h)
		findAlike(ctx, s, b, h)
		if s.NeedsNames(b) {
			b.Names.Tokens, b.Names.Err = named(ctx, b.NameRef(), h)
		}
	})
}

// foresee notes or tells what the bindings that were asked for beyond the share of their namespace are looked up for.
func (r *Reconciler) foresee(g group) {
	for i := range g.bindings {
		b := &g.bindings[i]
		h := g.handles[b.Connection.ID]
		switch {
		case h.Directory == nil || !b.Together:
		case b.Postponed:
			r.shares.requests.foresee(b.Asked, target{h.Directory, b.TargetQuery()})
		default:
			r.shares.requests.expect(b.Asked)
		}
	}
}

// lookUpNames returns bindings that only name their token with the tokens of that name, and when to look for it again.
func (r *Reconciler) lookUpNames(ctx context.Context, g group) ([]decision.Binding, time.Duration) {
	again := make([]bool, len(g.bindings))
	s := decision.Situation{Key: g.key.decision(), Bindings: g.bindings}
	listed := namedBy(ctx, g, s)
	bindings := r.eachOf(g, g.bindings, func(i int, b *decision.Binding, h connection.Handle) {
		if !s.NeedsToken(b) {
			return
		}
		if b.Names = listed[b.Connection.ID]; b.Names.Err == nil && len(b.Names.Tokens) == 0 {
			b.Names.Tokens, again[i], b.Names.Err = r.search(ctx, b, h)
		}
		r.reportUnauthorized(h, b.Names.Err)
		if b.Names.Err != nil || len(b.Names.Tokens) == 1 {
			return
		}
		if b.NeedsTarget() {
			b.Target = r.target(ctx, b, h) // for the rules
		}
		findAlike(ctx, s, b, h)
	})
	if slices.Contains(again, true) {
		return bindings, freshEnough // the listing at hand may be a little older than the token
	}
	return bindings, 0
}

// namedBy are the tokens that have the name of the group, by the connection that lists them and that a binding needs for it.
func namedBy(ctx context.Context, g group, s decision.Situation) map[string]decision.NameFinding {
	all := make(map[string]decision.NameFinding, len(g.handles))
	for i := range s.Bindings {
		b := &s.Bindings[i]
		h := g.handles[b.Connection.ID]
		if _, asked := all[b.Connection.ID]; !asked && h.Directory != nil && s.NeedsToken(b) {
			tokens, err := namedNow(ctx, g.key.NameRef, h)
			all[b.Connection.ID] = decision.NameFinding{Tokens: tokens, Err: err}
		}
	}
	return all
}

// eachOf looks something up for copies of the bindings, side by side, so that the lookups share calls.
func (r *Reconciler) eachOf(g group, bindings []decision.Binding, do func(int, *decision.Binding, connection.Handle)) []decision.Binding {
	now := slices.Clone(bindings)
	var work errgroup.Group
	work.SetLimit(lookups)
	for i := range now {
		if h := g.handles[now[i].Connection.ID]; h.Directory != nil {
			work.Go(func() error {
				do(i, &now[i], h)
				return nil
			})
		}
	}
	_ = work.Wait() // what goes wrong is part of each finding
	return now
}

// targetOf is the target of a binding: looked up now if it has to be, else as it was last seen.
func (r *Reconciler) targetOf(ctx context.Context, s decision.Situation, b *decision.Binding, h connection.Handle) decision.TargetFinding {
	var f decision.TargetFinding
	if s.NeedsTarget(b) {
		f = r.target(ctx, b, h)
	} else if s.Leads(b) {
		f.Found, f.Looked = h.Directory.KnownTarget(b.TargetQuery())
	}
	byName, named := b.NameQuery()
	if !f.Looked || f.Err != nil || len(f.Found) > 0 || !named || !s.AsksForTarget(b) {
		return f
	}
	found, err := h.Directory.Successors(ctx, byName, b.TargetQuery().ID)
	r.reportUnauthorized(h, err)
	f.Named, f.Err = found, err
	return f
}

// target looks a target up; past what is remembered if the user asks for a look. That it was missed before is remembered only for a
// moment where the user has just asked for the target, within the namespace's share of reads.
func (r *Reconciler) target(ctx context.Context, b *decision.Binding, h connection.Handle) decision.TargetFinding {
	old := false
	switch {
	case b.Requested():
		h.Directory.ForgetTargetBefore(b.TargetQuery(), b.Asked)
	case !b.Deleting() && (!b.Looked() || r.justMissed(b.Object, v1alpha1.ReasonTargetNotFound, v1alpha1.ReasonTargetAmbiguous)):
		old = h.Directory.ForgetMiss(b.TargetQuery(), freshEnough, func() bool { return r.shares.reads.Take(b.Object.Namespace, time.Now()) })
	}
	found, err := h.Directory.Targets(ctx, b.TargetQuery())
	r.reportUnauthorized(h, err)
	return decision.TargetFinding{Looked: true, Found: found, Err: err, Old: old && !b.Looked()}
}

// findAlike adds what a hint may name to a binding that names its token or its target.
func findAlike(ctx context.Context, s decision.Situation, b *decision.Binding, h connection.Handle) {
	if s.HintsAtTokens(b) {
		ref := b.NameRef()
		b.Names.Alike = h.Directory.Alike(pin.Scopes[ref.Scope], ref.Home, ref.Name)
	}
	if s.HintsAtTargets(b) {
		b.Target.Alike = h.Directory.AlikeTargets(ctx, b.TargetQuery())
	}
}

// search looks for a name that the listing at hand does not have in a newer one, if the user has just asked.
func (r *Reconciler) search(ctx context.Context, b *decision.Binding, h connection.Handle) (found []astro.Token, again bool, err error) {
	if !b.Requested() && b.Looked() && !r.justMissed(b.Object, v1alpha1.ReasonTokenNotFound) {
		return nil, false, nil
	}
	if err := h.Directory.RefreshIfOlder(ctx, freshEnough); err != nil {
		return nil, false, err
	}
	found, err = named(ctx, b.NameRef(), h)
	return found, err == nil && len(found) == 0 && !b.Looked(), err
}

// justMissed reports whether one of the reasons was first said a moment ago, of a listing or an answer that may have been too old.
func (r *Reconciler) justMissed(b *v1alpha1.ScopedTokenBinding, reasons ...string) bool {
	c := meta.FindStatusCondition(b.Status.Conditions, v1alpha1.ConditionResolved)
	return c != nil && slices.Contains(reasons, c.Reason) && r.Clock().Sub(c.LastTransitionTime.Time) < 2*freshEnough
}

// diagnose looks for what may be the cause of a refusal, past what the directory remembers.
func (r *Reconciler) diagnose(ctx context.Context, g group, p decision.Progress, e decision.Diagnose) decision.Findings {
	h := g.handles[e.Through]
	f := decision.Findings{Missing: map[roleset.Target]bool{}}
	if p.NeedsRoles(e) {
		roles, err := h.Client.ListRoles(ctx)
		f.Roles, f.RolesKnown = roles, err == nil
	}
	for _, c := range e.Changes {
		if c.To == "" {
			continue
		}
		if found, err := lookUpTargets(ctx, h, c.Target.Kind, c.Target.ID); err == nil && len(found) == 0 {
			f.Missing[c.Target] = true
			h.Directory.ExpireTargets() // a name may stand for another one by now
		}
	}
	if e.Dangling {
		f.Dead, f.Retired = dangling(ctx, h, p, p.Situation.Foreign)
		f = withLapsed(ctx, h, p, f)
		f = withUnlisted(h, p, f)
	}
	return f
}

// withUnlisted adds the roles whose custom role Astro does not list. One that nobody declared is dead where nothing is hidden from
// the credential; with any other, a role may be missing in the list although it is there.
func withUnlisted(h connection.Handle, p decision.Progress, f decision.Findings) decision.Findings {
	if !f.RolesKnown {
		return f
	}
	foreign, kept := p.Unlisted(f.Roles)
	foreign = slices.DeleteFunc(foreign, func(r astro.Role) bool {
		return slices.ContainsFunc(slices.Concat(f.Dead, f.Retired), func(dead astro.Role) bool { return dead.Key() == r.Key() })
	})
	f.Unlisted = append(f.Unlisted, kept...)
	if h.Directory.SeesAll() {
		f.Retired = append(f.Retired, foreign...)
	} else {
		f.Unlisted = append(f.Unlisted, foreign...)
	}
	return f
}

// withLapsed adds the declared roles that cannot be in a set any more, whatever is changed: on targets that are gone or were moved
// away, or roles that Astro knows no more. One that was moved away and is on hold for another reason stays, since it may still work.
func withLapsed(ctx context.Context, h connection.Handle, p decision.Progress, f decision.Findings) decision.Findings {
	gone, moved := dangling(ctx, h, p, p.Situation.Declared)
	f.Lapsed = gone
	for _, role := range moved {
		if p.Mismatched(role) {
			f.Lapsed = append(f.Lapsed, role)
		} else {
			f.Unlisted = append(f.Unlisted, role)
		}
	}
	if f.RolesKnown {
		f.Lapsed = append(f.Lapsed, p.Unknown(f.Roles)...)
	}
	return f
}

func lookUpTargets(ctx context.Context, h connection.Handle, kind astro.EntityType, ids ...string) ([]astro.Target, error) {
	if kind == astro.EntityWorkspace {
		return h.Client.ListWorkspaces(ctx, astro.Filter{IDs: ids})
	}
	return h.Client.ListDeployments(ctx, astro.Filter{IDs: ids})
}

// dangling are those of the roles that are on Workspaces and Deployments that are gone: Astro does not list them, and answers
// 404 to their ids, although the credential would see them; and those on Deployments outside of a Workspace token's Workspace.
func dangling(
	ctx context.Context, h connection.Handle, p decision.Progress, roles func(decision.Decision, astro.EntityType) []astro.Role,
) (dead, moved []astro.Role) {
	for _, kind := range []astro.EntityType{astro.EntityWorkspace, astro.EntityDeployment} {
		missing, outside := lookUpRoles(ctx, h, p.Situation.Token.Token, kind, roles(p.Decision, kind))
		moved = append(moved, outside...)
		for _, role := range missing {
			if !h.Directory.WouldSee(kind, role.EntityID) {
				continue
			}
			if exists, err := h.Client.TargetExists(ctx, kind, role.EntityID); err == nil && !exists {
				dead = append(dead, role)
			}
		}
	}
	return dead, moved
}

// lookUpRoles finds the roles whose targets a listing by their ids does not show, and those that it shows where the token can have
// none; none if there was no listing.
func lookUpRoles(
	ctx context.Context, h connection.Handle, t astro.Token, kind astro.EntityType, roles []astro.Role,
) (missing, moved []astro.Role) {
	if len(roles) == 0 {
		return nil, nil
	}
	ids := make([]string, 0, len(roles))
	for _, role := range roles {
		ids = append(ids, role.EntityID)
	}
	found, err := lookUpTargets(ctx, h, kind, ids...)
	if err != nil {
		return nil, nil
	}
	for _, role := range roles {
		switch i := slices.IndexFunc(found, func(target astro.Target) bool { return target.ID == role.EntityID }); {
		case i < 0:
			missing = append(missing, role)
		case outside(t, found[i]):
			moved = append(moved, role)
		}
	}
	return missing, moved
}

// outside reports whether the target is a Deployment in another Workspace than that in which the token, a Workspace's, was made.
func outside(t astro.Token, target astro.Target) bool {
	home := t.Home()
	return t.Scope == astro.ScopeWorkspace && target.Kind == astro.EntityDeployment && home != "" && target.WorkspaceID != "" && target.WorkspaceID != home
}
