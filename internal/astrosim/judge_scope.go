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
	default:
		return want, nil
	}
}

// drops says whether the write takes away the token's role on the Workspace.
func (s *Sim) drops(t *token, want []Role, w *workspace) bool {
	if w == nil {
		return false
	}
	_, wanted := findRole(want, roleKey{entityType: TypeWorkspace, entity: w.id})
	return !wanted && t.roleOn(TypeWorkspace, w.id) != ""
}

// parents deals with roles whose parent the token has no role on: first DAGs without their Deployment, then
// Deployments without their Workspace.
func (s *Sim) parents(t *token, want []Role) ([]Role, *apiError) {
	for _, r := range want {
		parent := roleKey{entityType: TypeDeployment, entity: r.DeploymentID}
		if _, has := findRole(want, parent); !r.isDAG() || has || s.state.deployments[r.DeploymentID] == nil {
			continue
		}
		switch s.behaviour.DAGWithoutDeployment {
		case Reject400:
			return nil, invalid(field("roles", "parent", "a role on a DAG needs a role on its deployment '%s'", r.DeploymentID))
		case AddAccessor:
			want = append(want, DeploymentRole(r.DeploymentID, roleDeploymentAccessor))
		}
	}
	if t.scope != TypeOrganization {
		return want, nil
	}
	for _, r := range want {
		w := s.state.workspaceOf(r)
		if r.EntityType != TypeDeployment || w == nil || s.drops(t, want, w) {
			continue
		}
		if _, has := findRole(want, roleKey{entityType: TypeWorkspace, entity: w.id}); has {
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
