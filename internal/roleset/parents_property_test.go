package roleset_test

import (
	"slices"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	. "github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

func ownScopeAndLastRoleStay(t *rapid.T) {
	o := drawObserved(t)
	p := Make(o, drawClaims(t))
	own := func(roles []astro.Role) []string {
		return wires(slices.DeleteFunc(slices.Clone(roles), func(r astro.Role) bool {
			return r.EntityType != astro.EntityType(o.Scope) || o.Home != "" && r.EntityID != o.Home
		}))
	}
	desired := p.Desired(o)
	if diff := cmp.Diff(own(o.Roles), own(desired)); diff != "" {
		t.Errorf("own-scope role -before +after:\n%s", diff)
	}
	if len(own(o.Roles)) == 0 && len(p.Changes) > 0 {
		t.Errorf("changes without having seen the own-scope role: %v", told(p.Changes))
	}
	if len(desired) == 0 && len(o.Roles) > 0 {
		t.Error("no role is left")
	}
}

// everyPrefixKeepsTheParents: if each Deployment's Workspace has a role at both ends, it has one all the way.
func everyPrefixKeepsTheParents(t *rapid.T) {
	var entries []string
	var claims []Claim
	for _, target := range targets {
		if rapid.Bool().Draw(t, "is there") {
			entries = append(entries, on(target, viewer))
		}
		c := claim("a/"+target.ID, target, admin, held(1))
		c.Class = rapid.SampledFrom([]Class{Want, Leave}).Draw(t, "class")
		claims = append(claims, c)
	}
	o := organizationToken(entries...)
	p := Make(o, claims)
	if !parentsThere(o.Roles) || !parentsThere(p.Desired(o)) {
		return
	}
	for n := range p.Changes {
		if !parentsThere(Apply(o.Roles, p.Changes[:n])) {
			t.Errorf("a Deployment without its Workspace after %d of %v", n, told(p.Changes))
		}
	}
}

func parentsThere(roles []astro.Role) bool {
	for deployment, workspace := range parent {
		if len(rolesOn(deployment, roles)) > 0 && len(rolesOn(workspace, roles)) == 0 {
			return false
		}
	}
	return true
}
