package astrosim

import "net/http"

// rank orders the scopes: a token may hold roles of its own scope and below.
var rank = map[string]int{TypeOrganization: 3, TypeWorkspace: 2, TypeDeployment: 1, TypeDAG: 0, TypeDAGTag: 0}

// scopeRefused checks whether a token of this scope may hold the entry.
func (s *Sim) scopeRefused(t *token, r Role, at string) []fieldError {
	switch {
	case s.behaviour.ScopeRules == Reject && rank[r.EntityType] > rank[t.scope]:
		return []fieldError{field(at+".entityType", "scope", "a token of scope %s cannot hold a role of type %s", t.scope, r.EntityType)}
	case s.behaviour.ScopeRules == Reject && r.EntityType == t.scope && r.EntityID != t.home:
		return []fieldError{field(at+".entityId", "scope", "a token of scope %s can hold only one role of that type", t.scope)}
	case s.behaviour.DAGRoles == OrgTokensOnly && r.isDAG() && t.scope != TypeOrganization:
		return []fieldError{field(at+".entityType", "scope", "a token of scope %s cannot hold DAG roles", t.scope)}
	}
	foreign := t.scope == TypeWorkspace && r.onDeployment() != "" && s.state.deployments[r.onDeployment()].workspace.id != t.home
	if foreign && s.behaviour.ForeignDeployment == Reject {
		return []fieldError{field(at+".entityId", "scope", "deployment '%s' is not in the token's workspace", r.onDeployment())}
	}
	return nil
}

// orphans deals with Deployment roles whose Workspace role this write drops.
func (s *Sim) orphans(t *token, want []Role) ([]Role, *apiError) {
	orphaned := func(r Role) bool { return r.onDeployment() != "" && s.drops(t, want, s.state.workspaceOf(r)) }
	kept := rolesWithout(want, orphaned)
	if len(kept) == len(want) {
		return want, nil
	}
	switch s.behaviour.RemoveWorkspaceRole {
	case Reject:
		return nil, refuse(http.StatusBadRequest, "the role on a workspace cannot be removed while roles on its deployments remain")
	case Cascade:
		return kept, nil
	case AddAccessor:
		return s.withAccessors(t, want), nil
	default:
		return want, nil
	}
}

// withAccessors puts an accessor role where the write drops the role on the Workspace of a Deployment.
func (s *Sim) withAccessors(t *token, want []Role) []Role {
	for _, r := range want {
		if w := s.state.workspaceOf(r); r.onDeployment() != "" && s.drops(t, want, w) {
			want = append(want, WorkspaceRole(w.id, roleWorkspaceAccessor))
		}
	}
	return want
}

// drops says whether the write takes away the token's role on the Workspace.
func (s *Sim) drops(t *token, want []Role, w *workspace) bool {
	if w == nil {
		return false
	}
	return !hasRole(want, TypeWorkspace, w.id) && t.roleOn(TypeWorkspace, w.id) != ""
}

// parents deals with roles whose parent the token has no role on: first DAGs without their Deployment, then
// Deployments without their Workspace.
func (s *Sim) parents(t *token, want []Role) ([]Role, *apiError) {
	want, refused := s.deploymentsOfDAGs(want)
	if refused != nil || t.scope != TypeOrganization {
		return want, refused
	}
	for _, r := range want {
		w := s.state.workspaceOf(r)
		if r.EntityType != TypeDeployment || w == nil || s.drops(t, want, w) || hasRole(want, TypeWorkspace, w.id) {
			continue
		}
		switch s.behaviour.DeploymentWithoutWorkspace {
		case Reject400:
			return nil, invalid(field("roles", "parent", "a role on deployment '%s' needs a role on its workspace '%s'", r.EntityID, w.id))
		case Reject403:
			return nil, forbidden()
		case AddAccessor:
			want = append(want, WorkspaceRole(w.id, roleWorkspaceAccessor))
		}
	}
	return want, nil
}

func (s *Sim) deploymentsOfDAGs(want []Role) ([]Role, *apiError) {
	for _, r := range want {
		if !r.isDAG() || s.state.deployments[r.DeploymentID] == nil || hasRole(want, TypeDeployment, r.DeploymentID) {
			continue
		}
		switch s.behaviour.DAGWithoutDeployment {
		case Reject400:
			return nil, invalid(field("roles", "parent", "a role on a DAG needs a role on its deployment '%s'", r.DeploymentID))
		case AddAccessor:
			want = append(want, DeploymentRole(r.DeploymentID, roleDeploymentAccessor))
		}
	}
	return want, nil
}

func hasRole(roles []Role, entityType, entity string) bool {
	_, has := findRole(roles, roleKey{entityType: entityType, entity: entity})
	return has
}
