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
	g.refusals = append(g.refusals, err)
	if errors.Is(err, astro.ErrInvalid) && r.dropDangling(ctx, g, h) {
		r.write(ctx, g, h, among(sent))
		return
	}
	for _, c := range sent {
		f := r.diagnose(ctx, g, h, c, err)
		g.failures[c.Target] = f
		r.memory.refused(g.key, c.Target, refusal{to: c.To, generation: g.owner(c).binding.Generation, at: r.Clock(), fault: f})
	}
}

// diagnose says why Astro refuses one change, as well as can be told from looking.
func (r *Reconciler) diagnose(ctx context.Context, g *group, h connection.Handle, c roleset.Change, err error) *fault {
	m := g.owner(c)
	f := failed(v1alpha1.ConditionSynced, fmt.Sprintf("%s on %s", c, m.targetWords()), err)
	if f.reason != v1alpha1.ReasonRefusedByAstro || c.To == "" {
		return f
	}
	switch {
	case r.roleMissing(ctx, h, c):
		return not(v1alpha1.ConditionResolved, v1alpha1.ReasonRoleNotFound,
			"Astro knows no role %q for a %s; correct spec.role: %v", c.To, m.binding.Spec.Target.Kind, err)
	case targetMissing(ctx, h, c.Target):
		return not(v1alpha1.ConditionResolved, v1alpha1.ReasonTargetNotFound,
			"Astro no longer shows %s; delete the binding, or make one for another target: %v", m.targetWords(), err)
	}
	if dead := dangling(ctx, g, h); len(dead) > 0 {
		f.message = fmt.Sprintf("Astro refuses every change of this token, which holds roles on targets that are gone: %s; remove them in Astro, or set danglingRoles: Drop on %s: %v",
			words(dead), h.Key.Words(), err)
		return f
	}
	if g.lacksParent(m) {
		return not(v1alpha1.ConditionResolved, v1alpha1.ReasonParentRoleMissing,
			"the token holds no role on Workspace %s, which Astro may want first; bind it to the Workspace, with WORKSPACE_ACCESSOR for example: %v",
			m.target.WorkspaceID, err)
	}
	return f
}

func (r *Reconciler) roleMissing(ctx context.Context, h connection.Handle, c roleset.Change) bool {
	if c.Target.Kind != astro.EntityDeployment || slices.Contains(builtIn, c.To) {
		return false
	}
	names, err := h.Client.ListRoles(ctx)
	return err == nil && !slices.Contains(names, c.To)
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

// dropDangling arranges for dangling roles to be dropped with the next write, if the connection says so and there are any
// that are not arranged for yet.
func (r *Reconciler) dropDangling(ctx context.Context, g *group, h connection.Handle) bool {
	if h.Object.ConnectionSpec().DanglingRoles != v1alpha1.DanglingDrop || len(g.drop) > 0 {
		return false
	}
	for _, role := range dangling(ctx, g, h) {
		g.drop[role.Key()] = true
	}
	return len(g.drop) > 0
}

// dangling are the roles nobody declared on Workspaces and Deployments that Astro does not show any more.
func dangling(ctx context.Context, g *group, h connection.Handle) []astro.Role {
	var dead []astro.Role
	for _, kind := range []astro.EntityType{astro.EntityWorkspace, astro.EntityDeployment} {
		foreign := g.foreign(kind)
		if len(foreign) == 0 {
			continue
		}
		ids := make([]string, 0, len(foreign))
		for _, role := range foreign {
			ids = append(ids, role.EntityID)
		}
		found, err := lookUp(ctx, h, kind, ids...)
		if err != nil {
			continue
		}
		for _, role := range foreign {
			if !slices.ContainsFunc(found, func(t astro.Target) bool { return t.ID == role.EntityID }) {
				dead = append(dead, role)
			}
		}
	}
	return dead
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
