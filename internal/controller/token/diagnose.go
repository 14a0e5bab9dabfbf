package token

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// builtIn are the Deployment roles that Astro lists nowhere among the custom ones.
var builtIn = []string{v1alpha1.RoleDeploymentAdmin, "DEPLOYMENT_ACCESSOR"}

// refuse finds out why Astro refuses changes, tells the members, and remembers it until the next sweep. If the cause is
// a role nobody declared whose target is gone, the connection may say to drop it, and all is tried once more.
func (r *Reconciler) refuse(ctx context.Context, g *group, h connection.Handle, sent []roleset.Change, err error) {
	if g.accepted == 0 {
		clear(g.drop) // dropping them did not help
	}
	switch {
	case errors.Is(err, astro.ErrForbidden):
		g.forbidden++
	case len(sent) == 1 && r.unfit(ctx, g, h, sent[0], err) == nil && r.dropDangling(ctx, g, h):
		r.write(ctx, g, h, among(sent))
		return
	}
	for _, c := range sent {
		f, forbidden := r.diagnose(ctx, g, h, c, err), errors.Is(err, astro.ErrForbidden)
		f.refused = c.To != "" && errors.Is(err, astro.ErrInvalid)
		g.failures[c.Target] = f
		r.memory.refused(g.key, c, refusal{spec: specOf(g.owner(c).binding), forbidden: forbidden, at: r.Clock(), fault: f})
		if forbidden {
			g.deny(h.Key, c)
		}
		if f.reason == v1alpha1.ReasonTargetNotFound {
			r.recantTarget(ctx, g, h, c)
		}
	}
}

// diagnose says why Astro refuses one change, as well as can be told from looking.
func (r *Reconciler) diagnose(ctx context.Context, g *group, h connection.Handle, c roleset.Change, err error) *fault {
	m := g.owner(c)
	f := failed(v1alpha1.ConditionSynced, fmt.Sprintf("%s on %s", c, m.targetWords()), err)
	if c.To == "" {
		return f
	}
	if f.reason == v1alpha1.ReasonRefusedByAstro {
		if known := r.unfit(ctx, g, h, c, err); known != nil {
			return known
		}
	}
	if g.lacksParent(m) {
		return not(v1alpha1.ConditionResolved, v1alpha1.ReasonParentRoleMissing,
			"the token holds no role on Workspace %s, which Astro may want first; bind it to the Workspace, with WORKSPACE_ACCESSOR for example, "+
				"or give the connection's API token a role that may do this: %v", m.target.WorkspaceID, err)
	}
	return f
}

// unfit is what can be found wrong with a change that Astro calls invalid, or with what else the token holds.
func (r *Reconciler) unfit(ctx context.Context, g *group, h connection.Handle, c roleset.Change, err error) *fault {
	m := g.owner(c)
	if f := customRoleFault(ctx, h, m, c.To, err); f != nil {
		return f
	}
	if targetMissing(ctx, h, c.Target) {
		return not(v1alpha1.ConditionResolved, v1alpha1.ReasonTargetNotFound,
			"Astro no longer shows %s; delete the binding, or make one for another target: %v", m.targetWords(), err)
	}
	if len(g.dead) > 0 {
		return not(v1alpha1.ConditionSynced, v1alpha1.ReasonRefusedByAstro,
			"Astro refuses every change of this token, which holds roles on targets that are gone: %s; "+
				"remove them in Astro, or set danglingRoles: Drop on %s: %v", words(g.dead), h.Key.Words(), err)
	}
	return nil
}

// customRoleFault is what is wrong with a role that is not built in: there is none of the name, or not in this Workspace.
func customRoleFault(ctx context.Context, h connection.Handle, m *member, role string, err error) *fault {
	if m.binding.Spec.Target.Kind != v1alpha1.TargetDeployment || slices.Contains(builtIn, role) {
		return nil
	}
	roles, lookup := h.Client.ListRoles(ctx)
	if lookup != nil {
		return nil
	}
	i := slices.IndexFunc(roles, func(c astro.CustomRole) bool { return c.Name == role })
	if i < 0 {
		return not(v1alpha1.ConditionResolved, v1alpha1.ReasonRoleNotFound,
			"Astro knows no role %q for a Deployment; correct spec.role: %v", role, err)
	}
	within := roles[i].WorkspaceIDs
	if len(within) == 0 || m.target == nil || slices.Contains(within, m.target.WorkspaceID) {
		return nil
	}
	return not(v1alpha1.ConditionSynced, v1alpha1.ReasonRefusedByAstro,
		"role %q may be given only in the Workspaces %s, and %s is not in one of them; choose another role: %v",
		role, listed(slices.Clone(within)), m.targetWords(), err)
}

// targetMissing looks the target up by id, past what the directory remembers.
func targetMissing(ctx context.Context, h connection.Handle, t roleset.Target) bool {
	found, err := lookUp(ctx, h, t.Kind, t.ID)
	return err == nil && len(found) == 0
}

func lookUp(ctx context.Context, h connection.Handle, kind astro.EntityType, ids ...string) ([]astro.Target, error) {
	if kind == astro.EntityWorkspace {
		return h.Client.ListWorkspaces(ctx, astro.Filter{IDs: ids})
	}
	return h.Client.ListDeployments(ctx, astro.Filter{IDs: ids})
}

// lacksParent reports whether the member wants a role on a Deployment in whose Workspace the token holds none.
func (g *group) lacksParent(m *member) bool {
	return m.target != nil && m.target.Kind == astro.EntityDeployment &&
		g.token.RoleOn(astro.RoleKey{EntityType: astro.EntityWorkspace, EntityID: m.target.WorkspaceID}) == ""
}

// dropDangling looks for roles nobody declared whose targets are gone, unless Astro has taken a write all the same. If
// the connection says so, it arranges for them to be dropped with the next write.
func (r *Reconciler) dropDangling(ctx context.Context, g *group, h connection.Handle) bool {
	if g.accepted > 0 || g.searched {
		return false
	}
	g.searched, g.dead = true, dangling(ctx, g, h)
	if h.Object.ConnectionSpec().DanglingRoles != v1alpha1.DanglingDrop {
		return false
	}
	for _, role := range g.dead {
		g.drop[role.Key()] = true
	}
	return len(g.drop) > 0
}

// dangling are the roles nobody declared on Workspaces and Deployments that are gone: Astro does not list them, and
// answers 404 to their ids.
func dangling(ctx context.Context, g *group, h connection.Handle) []astro.Role {
	var dead []astro.Role
	for _, kind := range []astro.EntityType{astro.EntityWorkspace, astro.EntityDeployment} {
		for _, role := range unlisted(ctx, h, kind, g.foreign(kind)) {
			if exists, err := h.Client.TargetExists(ctx, kind, role.EntityID); err == nil && !exists {
				dead = append(dead, role)
			}
		}
	}
	return dead
}

// unlisted are the roles whose targets a listing by their ids does not show; none if there was no listing.
func unlisted(ctx context.Context, h connection.Handle, kind astro.EntityType, roles []astro.Role) []astro.Role {
	if len(roles) == 0 {
		return nil
	}
	ids := make([]string, 0, len(roles))
	for _, role := range roles {
		ids = append(ids, role.EntityID)
	}
	found, err := lookUp(ctx, h, kind, ids...)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(roles, func(role astro.Role) bool {
		return slices.ContainsFunc(found, func(t astro.Target) bool { return t.ID == role.EntityID })
	})
}

// foreign are the roles of a kind that no member speaks of, the token's own-scope role not among them.
func (g *group) foreign(kind astro.EntityType) []astro.Role {
	var all []astro.Role
	for _, role := range g.token.Roles {
		declared := slices.ContainsFunc(g.members, func(m *member) bool { return m.entry().Key() == role.Key() })
		if role.EntityType == kind && !declared && role.EntityID != g.home() {
			all = append(all, role)
		}
	}
	return all
}

func words(roles []astro.Role) string {
	all := make([]string, 0, len(roles))
	for _, role := range roles {
		all = append(all, fmt.Sprintf("%s on %s %s", role.Role, role.EntityType, role.EntityID))
	}
	return listed(all)
}
