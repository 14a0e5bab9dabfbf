package astrosim

import (
	"slices"
)

// tokenFilter is the filter of one token list.
type tokenFilter struct {
	conditions []func(*token) bool
	any        bool
	only       []roleKey // the entities filtered by, if their roles are all that is shown
	dags       []string
}

func (s *Sim) parseTokenFilter(c *call) (tokenFilter, *apiError) {
	f := tokenFilter{any: s.behaviour.TokenFilters == Any}
	onlyOrganization, bad := boolean(c.query, "includeOnlyOrganizationTokens")
	if bad != nil {
		return f, bad
	}
	if onlyOrganization {
		f.add(func(t *token) bool { return t.scope == TypeOrganization })
	}
	if kind := c.query.Get("kind"); kind != "" {
		if kind != "STANDARD" && kind != "DIRECT_ACCESS" {
			return f, invalid(field("kind", "oneof", "kind does not take '%s'", kind))
		}
		f.add(func(t *token) bool { return t.kind == kind })
	}
	s.addEntityFilters(&f, c)
	if s.behaviour.FilteredListRoles == Complete {
		f.only, f.dags = nil, nil
	}
	return f, nil
}

func (s *Sim) addEntityFilters(f *tokenFilter, c *call) {
	if id := c.query.Get("workspaceId"); id != "" {
		f.only = append(f.only, roleKey{entityType: TypeWorkspace, entity: id})
		f.add(func(t *token) bool { return s.inWorkspace(t, id) })
	}
	if id := c.query.Get("deploymentId"); id != "" {
		f.only = append(f.only, roleKey{entityType: TypeDeployment, entity: id})
		f.add(func(t *token) bool { return s.inDeployment(t, id) })
	}
	if dag := c.query.Get("dagId"); dag != "" {
		f.dags = append(f.dags, dag)
		f.add(func(t *token) bool {
			return slices.ContainsFunc(t.roles, func(r Role) bool { return r.EntityType == TypeDAG && r.EntityID == dag })
		})
	}
	if tags := c.query["dagTags"]; len(tags) > 0 {
		f.dags = append(f.dags, tags...)
		f.add(func(t *token) bool {
			return slices.ContainsFunc(t.roles, func(r Role) bool { return r.EntityType == TypeDAGTag && slices.Contains(tags, r.EntityID) })
		})
	}
}

func (f *tokenFilter) add(condition func(*token) bool) {
	f.conditions = append(f.conditions, condition)
}

func (f *tokenFilter) matches(t *token) bool {
	if f.any {
		return len(f.conditions) == 0 || slices.ContainsFunc(f.conditions, func(match func(*token) bool) bool { return match(t) })
	}
	return !slices.ContainsFunc(f.conditions, func(match func(*token) bool) bool { return !match(t) })
}

// shown are the roles that a row of the list carries.
func (f *tokenFilter) shown(roles []Role) []Role {
	if len(f.only)+len(f.dags) == 0 {
		return roles
	}
	return filter(roles, func(r Role) bool {
		return slices.Contains(f.only, r.key()) || r.isDAG() && slices.Contains(f.dags, r.EntityID)
	})
}

func (s *Sim) inWorkspace(t *token, id string) bool {
	switch how := s.behaviour.WorkspaceFilter; {
	case t.roleOn(TypeWorkspace, id) != "":
		return true
	case how == RoleThere:
		return false
	case how == Inherited && t.ownsOrganization():
		return true
	}
	return slices.ContainsFunc(t.roles, func(r Role) bool {
		w := s.state.workspaceOf(r)
		return w != nil && w.id == id
	})
}

func (s *Sim) inDeployment(t *token, id string) bool {
	if t.roleOn(TypeDeployment, id) != "" {
		return true
	}
	d := s.state.deployments[id]
	if s.behaviour.DeploymentFilter == RoleThere || d == nil {
		return false
	}
	return t.ownsOrganization() || t.roleOn(TypeWorkspace, d.workspace.id) != ""
}
