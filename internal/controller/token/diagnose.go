package token

import (
	"context"
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// diagnose looks for what may be the cause of a refusal, past what the directory remembers.
func (r *Reconciler) diagnose(ctx context.Context, g group, p decision.Progress, e decision.Diagnose) decision.Findings {
	h := g.handles[e.Through]
	f := decision.Findings{Missing: map[roleset.Target]bool{}}
	for _, c := range e.Changes {
		if c.To == "" {
			continue
		}
		if decision.NeedsRoles(c) && !f.RolesKnown {
			roles, err := h.Client.ListRoles(ctx)
			f.Roles, f.RolesKnown = roles, err == nil
		}
		if found, err := lookUp(ctx, h, c.Target.Kind, c.Target.ID); err == nil && len(found) == 0 {
			f.Missing[c.Target] = true
			h.Directory.ExpireTargets() // a name may stand for another one by now
		}
	}
	if e.Dangling {
		f.Dead = dangling(ctx, h, p)
	}
	return f
}

func lookUp(ctx context.Context, h connection.Handle, kind astro.EntityType, ids ...string) ([]astro.Target, error) {
	if kind == astro.EntityWorkspace {
		return h.Client.ListWorkspaces(ctx, astro.Filter{IDs: ids})
	}
	return h.Client.ListDeployments(ctx, astro.Filter{IDs: ids})
}

// dangling are the roles nobody declared on Workspaces and Deployments that are gone: Astro does not list them, and
// answers 404 to their ids.
func dangling(ctx context.Context, h connection.Handle, p decision.Progress) (dead []astro.Role) {
	for _, kind := range []astro.EntityType{astro.EntityWorkspace, astro.EntityDeployment} {
		for _, role := range unlisted(ctx, h, kind, p.Situation.Foreign(p.Decision, kind)) {
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
