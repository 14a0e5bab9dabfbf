package decision

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// builtIn are the Deployment roles that Astro lists nowhere among the custom ones.
var builtIn = []string{v1alpha1.RoleDeploymentAdmin, "DEPLOYMENT_ACCESSOR"}

// NeedsRoles reports whether the custom roles may tell why Astro refuses changes: one of them gives such a role, or, where
// dead roles are looked for, the token holds one.
func (p Progress) NeedsRoles(e Diagnose) bool {
	return slices.ContainsFunc(e.Changes, func(c Change) bool { return isCustom(c.Target.Kind, c.To) }) ||
		e.Dangling && slices.ContainsFunc(p.Situation.Token.Token.Roles, func(r astro.Role) bool { return isCustom(r.EntityType, r.Role) })
}

func isCustom(kind astro.EntityType, role string) bool {
	return kind == astro.EntityDeployment && role != "" && !slices.Contains(builtIn, role)
}

// Unknown are the wanted roles that are custom ones and not among those of the Organization. A list may leave roles out, so
// those that would not be given again, as they are on hold, are not among them.
func (p Progress) Unknown(all []astro.CustomRole) (unknown []astro.Role) {
	for _, role := range p.Situation.wanted(p.Decision) {
		if isCustom(role.EntityType, role.Role) && !listed(all, role) {
			unknown = append(unknown, role)
		}
	}
	return unknown
}

// Unlisted are the other roles that are custom ones and not among those of the Organization, and that no binding changes: those
// that nobody declared, and those that stay as they are for a binding. A name that looks like one of Astro's own may be a new
// one, which is in no list.
func (p Progress) Unlisted(all []astro.CustomRole) (foreign, kept []astro.Role) {
	s, d := &p.Situation, &p.Decision
	declared := s.places(d, func(int) bool { return true })
	changed := s.places(d, func(i int) bool { return d.Rulings[i].Class == roleset.Want || d.Rulings[i].Class == roleset.Leave })
	for _, role := range s.rolesOn(astro.EntityDeployment, changed, false) {
		switch {
		case strings.HasPrefix(role.Role, "DEPLOYMENT_") || listed(all, role):
		case declared[role.Key()]:
			kept = append(kept, role)
		default:
			foreign = append(foreign, role)
		}
	}
	return foreign, kept
}

// Mismatched reports whether no binding keeps a declared role in a place where its token can have none: each that has a claim there
// wants it again, or says that the token does not fit.
func (p Progress) Mismatched(role astro.Role) bool {
	s, d := &p.Situation, &p.Decision
	keeps := s.places(d, func(i int) bool {
		r := &d.Rulings[i]
		misfit := r.Fault != nil && r.Fault.Reason == v1alpha1.ReasonTokenScopeMismatch
		return s.Bindings[i].Claim != nil && r.Class == roleset.Hold && !misfit
	})
	return !keeps[role.Key()]
}

func listed(all []astro.CustomRole, role astro.Role) bool {
	return slices.ContainsFunc(all, func(r astro.CustomRole) bool { return r.Name == role.Role })
}

// Foreign are the roles of a kind that no binding speaks of, the token's own-scope role not among them.
func (s *Situation) Foreign(d Decision, kind astro.EntityType) []astro.Role {
	return s.rolesOn(kind, s.places(&d, func(int) bool { return true }), false)
}

// Declared are the roles of a kind on which bindings have a claim.
func (s *Situation) Declared(d Decision, kind astro.EntityType) []astro.Role {
	return s.rolesOn(kind, s.places(&d, func(i int) bool { return s.Bindings[i].Claim != nil }), true)
}

// wanted are the declared roles on Deployments that are given again should they be missing.
func (s *Situation) wanted(d Decision) []astro.Role {
	claimed := func(i int) bool { return s.Bindings[i].Claim != nil && d.Rulings[i].Class == roleset.Want }
	return s.rolesOn(astro.EntityDeployment, s.places(&d, claimed), true)
}

// rolesOn are the token's roles of a kind in these places, or in all others; the own-scope role is not among them.
func (s *Situation) rolesOn(kind astro.EntityType, places map[astro.RoleKey]bool, in bool) (all []astro.Role) {
	for _, role := range s.Token.Token.Roles {
		if role.EntityType == kind && places[role.Key()] == in && role.EntityID != s.home() {
			all = append(all, role)
		}
	}
	return all
}

// afterFindings says why Astro refuses changes, and remembers it until the next sweep. If the cause may be another role that
// is dead, all is tried once more without it: one that was declared, or one nobody declared where the connection says so.
func (p Progress) afterFindings(f Findings) Progress {
	part := *p.refused
	p.refused = nil
	asked := p.diagnosed(part)
	if asked {
		p.searched, p.Situation.Dead, p.Situation.Lapsed = true, f.Dead, f.Lapsed
		p.Situation.Retired, p.Situation.Unlisted = f.Retired, f.Unlisted
	}
	if first := part.changes[0]; (asked || p.stillDrops(first)) && p.ownCause(first, part.err, f) == nil {
		if drop := p.droppable(first); len(drop) > 0 {
			p.Situation.Drop = drop
			return p.decide()
		}
	}
	return p.refuse(part.changes, part.err, f).decide()
}

func (p Progress) diagnosed(part refusedPart) bool {
	return len(part.changes) == 1 && !p.searched && p.accepted == 0
}

// droppable are the dead roles that may be left out of the set.
func (p Progress) droppable(c Change) map[astro.RoleKey]bool {
	drop := map[astro.RoleKey]bool{}
	for _, role := range p.Situation.Lapsed {
		drop[role.Key()] = true
	}
	if p.drops(c) {
		for _, role := range p.Situation.undeclaredDead() {
			drop[role.Key()] = true
		}
	}
	return drop
}

// undeclaredDead are the dead roles that nobody declared.
func (s *Situation) undeclaredDead() []astro.Role { return slices.Concat(s.Dead, s.Retired) }

// drops reports whether dangling roles were found and the connection says to drop them.
func (p Progress) drops(c Change) bool {
	object := p.Situation.Bindings[c.Owner].Connection.Object
	return len(p.Situation.undeclaredDead()) > 0 && len(p.Situation.Drop) == 0 && object.ConnectionSpec().DanglingRoles == v1alpha1.DanglingDrop
}

// stillDrops reports whether dead roles that were found for another change, which was itself at fault or whose connection keeps them, are
// to be left out for this one. As many as were left out in vain are not left out again.
func (p Progress) stillDrops(c Change) bool {
	return p.accepted == 0 && len(p.Situation.Drop) == 0 && len(p.droppable(c)) > p.inVain
}

// refuse tells the bindings why Astro refuses their changes. A target that is known by its name only and is not there any
// more is looked up anew instead, since the name may be another's by now.
func (p Progress) refuse(changes []Change, err error, f Findings) Progress {
	if p.accepted == 0 && len(p.Situation.Drop) > 0 { // dropping them did not help
		p.inVain, p.Situation.Drop = max(p.inVain, len(p.Situation.Drop)), nil
	}
	for _, c := range changes {
		b := &p.Situation.Bindings[c.Owner]
		why := p.diagnose(c, err, f)
		if why.Reason == v1alpha1.ReasonTargetNotFound && b.Claim == nil && b.Object.Spec.Target.Name != "" && b.Object.Status.Target.ID == "" {
			p = p.leaveOut(c)
			continue
		}
		p.Situation.Memory = p.Situation.Memory.refused(b, c.Target, c.To, Refusal{
			At: p.Situation.Now, Forbidden: errors.Is(err, astro.ErrForbidden), Invalid: errors.Is(err, astro.ErrInvalid), Fault: why,
		})
	}
	return p
}

// leaveOut takes the bindings of a change out of this reconcile, and has them looked at again soon.
func (p Progress) leaveOut(c Change) Progress {
	return p.out(p.claimants([]Change{c})...).wake(soon)
}

// diagnose says why Astro refuses one change, as well as can be told from looking.
func (p Progress) diagnose(c Change, err error, f Findings) *fault.Fault {
	s := &p.Situation
	b := &s.Bindings[c.Owner]
	plain := fault.FromAstroError(v1alpha1.ConditionSynced, fmt.Sprintf("%s on %s", c, b.where(&p.Decision.Rulings[c.Owner])), err)
	if c.To == "" {
		if dead := p.deadCause(c, err); dead != nil && plain.Reason == v1alpha1.ReasonRefusedByAstro {
			return dead
		}
		return plain
	}
	if plain.Reason == v1alpha1.ReasonRefusedByAstro {
		if known := p.cause(c, err, f); known != nil {
			return known
		}
	}
	if target := p.Decision.Rulings[c.Owner].Target; s.lacksParent(target) {
		return fault.NotTrue(v1alpha1.ConditionResolved, v1alpha1.ReasonParentRoleMissing,
			"the token holds no role on Workspace %s, which Astro may want first; bind it to the Workspace, with WORKSPACE_ACCESSOR for example, "+
				"or give the connection's API token a role that may do this: %v", target.WorkspaceID, err)
	}
	return plain
}

// cause is what can be found wrong with a change that Astro calls invalid, or with what else the token holds.
func (p Progress) cause(c Change, err error, f Findings) *fault.Fault {
	if own := p.ownCause(c, err, f); own != nil {
		return own
	}
	return p.deadCause(c, err)
}

// deadCause is that the token holds roles that Astro takes in no set any more: dead ones that nobody declared, or such as are not
// left out. Where Astro has taken a set, those that were in it are not the cause.
func (p Progress) deadCause(c Change, err error) *fault.Fault {
	b := &p.Situation.Bindings[c.Owner]
	if dead := p.Situation.undeclaredDead(); len(dead) > 0 && !p.drops(c) {
		return fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonRefusedByAstro,
			"Astro refuses every change of this token, which holds roles whose target or custom role is gone, or whose Deployment was moved away: %s; "+
				"remove them in Astro, or set danglingRoles: Drop on %s: %v", p.Situation.shownRoles(b, dead), b.Connection.Words, err)
	}
	if unlisted := p.Situation.Unlisted; len(unlisted) > 0 && p.accepted == 0 {
		return fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonRefusedByAstro,
			"the token holds roles because of which Astro may refuse every change, as their custom role is not listed or their Deployment "+
				"was moved away: %s; undo that, remove them from the token in Astro, or resume or delete the bindings that hold them: %v",
			p.Situation.shownRoles(b, unlisted), err)
	}
	return nil
}

// ownCause is what can be found wrong with the change itself.
func (p Progress) ownCause(c Change, err error, f Findings) *fault.Fault {
	if wrong := p.customRoleFault(c, err, f); wrong != nil {
		return wrong
	}
	if f.Missing[c.Target] {
		return fault.NotTrue(v1alpha1.ConditionResolved, v1alpha1.ReasonTargetNotFound,
			"Astro no longer shows %s; delete the binding, or make one for another target: %v",
			p.Situation.Bindings[c.Owner].where(&p.Decision.Rulings[c.Owner]), err)
	}
	return nil
}

// customRoleFault is what is wrong with a role that is not built in: there is none of the name, or not in this Workspace.
func (p Progress) customRoleFault(c Change, err error, f Findings) *fault.Fault {
	if !isCustom(c.Target.Kind, c.To) || !f.RolesKnown {
		return nil
	}
	i := slices.IndexFunc(f.Roles, func(r astro.CustomRole) bool { return r.Name == c.To })
	if i < 0 {
		return fault.NotTrue(v1alpha1.ConditionResolved, v1alpha1.ReasonRoleNotFound,
			"Astro knows no role %q for a Deployment%s; correct spec.role: %v", c.To, p.customRoleHints(c, f), err)
	}
	within, target := f.Roles[i].WorkspaceIDs, p.Decision.Rulings[c.Owner].Target
	if len(within) == 0 || target == nil || slices.Contains(within, target.WorkspaceID) {
		return nil
	}
	return fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonRefusedByAstro,
		"role %q may be given only in %s, and %s is not in one of them; choose another role: %v",
		c.To, p.Situation.shownWorkspaces(&p.Situation.Bindings[c.Owner], c.To, within), p.Situation.Bindings[c.Owner].where(&p.Decision.Rulings[c.Owner]), err)
}

// customRoleHints hint at roles whose name looks like the one that there is not.
func (p Progress) customRoleHints(c Change, f Findings) string {
	roles := slices.Clone(builtIn)
	for _, role := range f.Roles {
		roles = append(roles, role.Name)
	}
	s := &p.Situation
	return s.roleHints(&s.Bindings[c.Owner], &p.Decision.Rulings[c.Owner], roles)
}

// lacksParent reports whether the target is a Deployment in whose Workspace the token holds no role.
func (s *Situation) lacksParent(target *astro.Target) bool {
	return target != nil && target.Kind == astro.EntityDeployment &&
		s.roleOn(roleset.Target{Kind: astro.EntityWorkspace, ID: target.WorkspaceID}) == ""
}
