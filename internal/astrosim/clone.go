package astrosim

import (
	"maps"
	"slices"
)

// clone copies everything, so that a reset can go back to it.
func (st *state) clone() *state {
	c := newState()
	for _, o := range st.organizations {
		c.cloneOrganization(o)
	}
	for id := range st.dead {
		c.dead[id] = true
	}
	for _, d := range st.deleted {
		t := *d.token
		t.org = c.orgByID[t.org.id]
		c.deleted = append(c.deleted, deletedToken{d.at, &t})
	}
	return c
}

func (st *state) cloneOrganization(o *organization) {
	org := &organization{meta: o.meta, goneRoles: maps.Clone(o.goneRoles)}
	st.addOrganization(org)
	for _, w := range o.workspaces {
		st.addWorkspace(&workspace{meta: w.meta, org: org})
	}
	for _, d := range o.deployments {
		copied := *d
		copied.workspace = st.workspaces[d.workspace.id]
		st.addDeployment(&copied)
	}
	for _, r := range o.roles {
		copied := *r
		copied.restricted = slices.Clone(r.restricted)
		org.roles = append(org.roles, &copied)
	}
	for _, t := range o.tokens {
		copied := *t
		copied.org, copied.history = org, slices.Clone(t.history)
		st.addToken(&copied)
		if t.revoked {
			delete(st.credentials, t.credential)
		}
	}
}
