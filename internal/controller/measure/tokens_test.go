package measure

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
)

func TestCountTokens(t *testing.T) {
	now := time.Date(2030, 1, 31, 12, 0, 0, 0, time.UTC)
	in := func(d time.Duration) *time.Time { return new(now.Add(d)) }
	day := 24 * time.Hour
	own, member := astro.NewRole(astro.EntityOrganization, "o1", "ORGANIZATION_MEMBER"), astro.NewRole(astro.EntityWorkspace, "w1", "WORKSPACE_MEMBER")
	admin, dag := astro.NewRole(astro.EntityDeployment, "d1", "DEPLOYMENT_ADMIN"), astro.NewRole(astro.EntityDag, "x", "DAG_VIEWER")
	all := []astro.Token{
		{ID: "t1", Scope: astro.ScopeOrganization, Roles: []astro.Role{own, member, admin, dag}, EndAt: in(day), LastUsedAt: in(-90 * day)},
		{ID: "t2", Scope: astro.ScopeOrganization, Roles: []astro.Role{own, member}, EndAt: in(0)},
		{ID: "t3", Scope: astro.ScopeWorkspace, Roles: []astro.Role{member, admin}, EndAt: in(day + time.Second)},
		{ID: "t4", Scope: astro.ScopeWorkspace, Roles: []astro.Role{member}, EndAt: in(30 * day)},
		{ID: "t5", Scope: astro.ScopeOrganization, EndAt: in(30*day + time.Second), CreatedAt: *in(-91 * day)},
		{ID: "t6", Scope: astro.ScopeOrganization, CreatedAt: *in(-91 * day), LastUsedAt: in(-89 * day)},
		{ID: "t7", Scope: astro.ScopeDeployment, Roles: []astro.Role{admin}, EndAt: in(-day)},
	}
	claims := Claims{}
	claims.add(pin.Claim{Host: "h", Organization: "o1", Token: "t1", TargetKind: "Workspace", Target: "w1"})
	claims.add(pin.Claim{Host: "h", Organization: "o2", Token: "t2", TargetKind: "Workspace", Target: "w1"})
	each := func(visit func(astro.Token)) bool {
		for _, token := range all {
			visit(token)
		}
		return true
	}
	got, known := claims.CountTokens("h", "o1", now, each)
	want := Tokens{
		Expiring: map[Expiring]int{
			{"1d", true}: 1, {"expired", false}: 1, {"7d", false}: 1, {"30d", false}: 1, {"later", false}: 1, {"never", false}: 1,
		},
		Unused:     map[bool]int{true: 1, false: 1},
		Undeclared: 3, // the Deployment of t1, the Workspace of t2, the Deployment of t3
	}
	if d := cmp.Diff(want, got); d != "" || !known {
		t.Errorf("known %t, -want +got\n%s", known, d)
	}
	if _, known := claims.CountTokens("h", "o1", now, func(func(astro.Token)) bool { return false }); known {
		t.Error("before the first listing nothing is known")
	}
}
