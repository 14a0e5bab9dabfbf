package token

import (
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

func TestUndeclaredRolesThatAstroDoesNotList(t *testing.T) {
	gone := astro.NewRole(astro.EntityDeployment, "d1", "Gone")
	cases := map[string]struct {
		reason            string
		credential        string
		found             decision.Findings
		retired, unlisted int
	}{
		"Owner":  {"Nothing is hidden from an owner's token.", "ORGANIZATION_OWNER", decision.Findings{RolesKnown: true}, 1, 0},
		"Member": {"From another's a role may be hidden, so that it is only named.", "ORGANIZATION_MEMBER", decision.Findings{RolesKnown: true}, 0, 1},
		"Unread": {"A list that could not be read says nothing.", "ORGANIZATION_OWNER", decision.Findings{}, 0, 0},
		"Dead":   {"One on a target that is gone is not told twice.", "ORGANIZATION_OWNER", decision.Findings{RolesKnown: true, Dead: []astro.Role{gone}}, 0, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			sim := astrosim.Serve(t, astrosim.Options{})
			org := sim.AddOrganization("Acme")
			self := sim.AddOrganizationToken(org, "operator", tc.credential)
			c := astro.NewClient(astro.Options{BaseURL: sim.URL(), Organization: org, Credential: sim.Credential(self)})
			h := connection.Handle{Client: c, Directory: astro.NewDirectory(c, astro.DirectoryOptions{SelfID: self})}
			if _, err := h.Directory.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			s := decision.Situation{Token: decision.Observation{Token: astro.Token{Scope: astro.ScopeOrganization, Roles: []astro.Role{gone}}}}
			f := withUnlisted(h, decision.Progress{Situation: s, Decision: decision.Decide(s)}, tc.found)
			if len(f.Retired) != tc.retired || len(f.Unlisted) != tc.unlisted {
				t.Errorf("%s\nwant %d to drop and %d to name, got %v and %v", tc.reason, tc.retired, tc.unlisted, f.Retired, f.Unlisted)
			}
		})
	}
}
