package astrosim

import "slices"

// holds says whether the token has the role on the entity.
func (t *token) holds(entityType, entity, role string) bool {
	return slices.ContainsFunc(t.roles, func(r Role) bool {
		return r.EntityType == entityType && r.EntityID == entity && r.Role == role
	})
}

// roleOn is the token's role on an entity, "" if none.
func (t *token) roleOn(entityType, entity string) string {
	r, _ := findRole(t.roles, roleKey{entityType: entityType, entity: entity})
	return r.Role
}

func (t *token) ownsOrganization() bool {
	return t.scope == TypeOrganization && t.holds(TypeOrganization, t.org.id, roleOrgOwner)
}

func (t *token) ownsWorkspace(w *workspace) bool {
	return w != nil && (t.ownsOrganization() || t.holds(TypeWorkspace, w.id, roleWorkspaceOwner))
}

func (t *token) seesWorkspace(w *workspace) bool {
	return t.ownsOrganization() || t.roleOn(TypeWorkspace, w.id) != ""
}

func (t *token) seesDeployment(d *deployment) bool {
	if t.ownsOrganization() || t.roleOn(TypeDeployment, d.id) != "" {
		return true
	}
	role := t.roleOn(TypeWorkspace, d.workspace.id)
	return role != "" && role != roleWorkspaceAccessor
}

// seesToken lets a Workspace's Owners and Operators, and a Deployment's Admins, see the tokens with a role there.
func (s *Sim) seesToken(caller, t *token) bool {
	if caller.ownsOrganization() || caller == t {
		return true
	}
	return slices.ContainsFunc(t.roles, func(r Role) bool {
		if w := s.state.workspaceOf(r); w != nil {
			if role := caller.roleOn(TypeWorkspace, w.id); role == roleWorkspaceOwner || role == "WORKSPACE_OPERATOR" {
				return true
			}
		}
		return r.onDeployment() != "" && caller.holds(TypeDeployment, r.onDeployment(), roleDeploymentAdmin)
	})
}

// mayWrite says whether the caller may add, change or remove this entry of the token.
func (s *Sim) mayWrite(caller, t *token, r Role) bool {
	if caller.ownsOrganization() {
		return true
	}
	if s.behaviour.RoleWriters == OrgOwner || r.EntityType == TypeOrganization {
		return false
	}
	if r.EntityType == TypeWorkspace {
		return t.scope == TypeWorkspace && t.home == r.EntityID && caller.ownsWorkspace(s.state.workspaces[r.EntityID])
	}
	if caller.ownsWorkspace(s.state.workspaceOf(r)) {
		return true
	}
	return s.behaviour.RoleWriters == DeploymentAdmin && caller.holds(TypeDeployment, r.onDeployment(), roleDeploymentAdmin)
}

// mayManage says whether the caller may create, edit, rotate or delete a token of this scope and home.
func (s *Sim) mayManage(caller *token, scope, home string) bool {
	switch scope {
	case TypeWorkspace:
		return caller.ownsWorkspace(s.state.workspaces[home])
	case TypeDeployment:
		d := s.state.deployments[home]
		return d != nil && (caller.ownsWorkspace(d.workspace) || caller.holds(TypeDeployment, home, roleDeploymentAdmin))
	default:
		return caller.ownsOrganization()
	}
}

// hidden is the answer about something that the caller may not see.
func (s *Sim) hidden(kind, id string) *apiError {
	if s.behaviour.HiddenEntity == Forbidden {
		return forbidden()
	}
	return notFound(kind, id)
}
