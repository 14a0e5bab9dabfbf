package astro

import (
	"fmt"
	"testing"
)

// TestTrustInRoles: the credential's own roles are evidence as long as it has all by which it sees.
func TestTrustInRoles(t *testing.T) {
	on := func(n int) (roles []Role) {
		for i := range n {
			roles = append(roles, NewRole(EntityDeployment, fmt.Sprintf("d%02d", i), "DEPLOYMENT_ADMIN"))
		}
		return roles
	}
	spaces := func(ids ...string) (l look) {
		for _, id := range ids {
			l.roles = append(l.roles, NewRole(EntityWorkspace, id, "WORKSPACE_OWNER"))
		}
		return l
	}
	of := func(role string, besides ...Role) look { return look{role: role, roles: besides} }
	meant := func(bound, others int, l look) look {
		l.request, l.bound, l.others = trustOwnRoles, bound, others
		return l
	}
	const owner, member = "ORGANIZATION_OWNER", "ORGANIZATION_MEMBER"
	cases := map[string]struct {
		reason string
		before []string
		looks  []look
		want   string
		after  bool // before are those of another credential
	}{
		"given": {reason: "roles that strangers give hide nothing, and take nothing along when they go", looks: []look{of(member), of(member, on(2)...), of(member, on(1)...), of(member)}, want: "yyyy"},
		"given before a start": {
			reason: "nor where they are there when a process starts", before: []string{"ORGANIZATION/o=ORGANIZATION_MEMBER"},
			looks: []look{of(member, on(2)...), of(member)}, want: "yy",
		},
		"given at first sight": {reason: "an owner sees all by that role, and needs none that it happened to have", looks: []look{of(owner, on(1)...), of(owner)}, want: "yy"},
		"needed before":        {reason: "nor those that an earlier one was measured by", before: []string{"DEPLOYMENT/d00=DEPLOYMENT_ADMIN", "ORGANIZATION/o=ORGANIZATION_OWNER"}, looks: []look{of(owner)}, want: "y"},
		"given to many":        {reason: "however many they are", looks: []look{of(owner, on(50)...), of(owner, on(51)...), of(owner)}, want: "yyy"},
		"many":                 {reason: "those of a long list are there while all are", looks: []look{of(member, on(50)...), of(member, on(50)...), of(member, on(49)...)}, want: "yyn"},
		"lowered":              {reason: "its own role is lost by another in its place, whatever is given besides", looks: []look{of(owner), of(member, on(2)...), of(owner, on(2)...)}, want: "yny"},
		"raised":               {reason: "which a role that shows more may be as well, and it is measured by later", looks: []look{of(member), of(owner), {role: owner, request: trustListing}, of(member)}, want: "ynyn"},
		"seen by several":      {reason: "without such a role it sees by those that it had at first", looks: []look{spaces("a", "b"), spaces("a", "b", "c"), spaces("a", "b"), spaces("a")}, want: "yyyn"},
		"changed":              {reason: "of which one may be lowered", looks: []look{spaces("a"), {roles: []Role{NewRole(EntityWorkspace, "a", "WORKSPACE_MEMBER")}}}, want: "yn"},
		"another's": {
			reason: "one in the place of another may see less by the same roles: that one may have been given more besides", after: true,
			before: []string{"WORKSPACE/a=WORKSPACE_OWNER"}, looks: []look{meant(9, 8, spaces("a")), meant(9, 9, spaces("a")), meant(9, 8, spaces("a"))}, want: "nyy",
		},
		"another owner's": {
			reason: "but not less than all", after: true,
			before: []string{"ORGANIZATION/o=ORGANIZATION_OWNER"}, looks: []look{meant(9, 8, of(owner))}, want: "y",
		},
		"meant": {reason: "and by those that somebody vouched for", looks: []look{spaces("a"), {roles: spaces("a", "b").roles, request: trustListing}, spaces("a")}, want: "yyn"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			judge, got := trust{selfID: "self", ownRights: sight(c.before), successor: c.after}, []byte(nil)
			for i, l := range c.looks {
				if l.request != noTrustRequest {
					judge.addRequest(l.request, i-1)
				}
				answer := byte('n')
				if ok, _ := judge.judge(l.snapshot(i)); ok {
					answer = 'y'
				}
				got = append(got, answer)
			}
			if string(got) != c.want {
				t.Errorf("%s: got %s, want %s", c.reason, got, c.want)
			}
		})
	}
}
