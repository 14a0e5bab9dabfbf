package astrosim

import (
	"encoding/json"
	"net/http"
)

// updateTokenRoles replaces the role set of a token: what is not sent is removed.
func (s *Sim) updateTokenRoles(c *call) (answer, *apiError) {
	t, refused := s.findToken(c)
	if refused != nil {
		return answer{}, refused
	}
	before := t.roles
	requested, refused := c.requestedRoles()
	roles := requested
	if refused == nil {
		roles, refused = s.judge(c.caller, t, requested)
	}
	write := RoleWrite{
		Time: s.now(), TokenID: t.id, By: c.caller.id, Requested: requested, Before: before, After: before,
		Status: http.StatusOK, RequestID: c.requestID,
	}
	if refused != nil {
		write.Status, write.Cause = refused.StatusCode, refused.Message
		s.audit = append(s.audit, write)
		return answer{}, refused
	}
	s.storeRoles(t, roles, c.caller.profile())
	write.After = roles
	s.audit = append(s.audit, write)
	return ok(s.subjectRoles(before, roles)), nil
}

// TryRoles is the status with which Astro would answer if a token wrote these roles to another, without anything being done.
func (s *Sim) TryRoles(by, tokenID string, roles ...Role) int {
	if len(roles) == 0 {
		return http.StatusBadRequest
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, refused := s.judge(must(s.state.tokens, "token", by), must(s.state.tokens, "token", tokenID), cloneRoles(roles)); refused != nil {
		return refused.StatusCode
	}
	return http.StatusOK
}

// requestedRoles reads the body, each entry as the bytes that were sent.
func (c *call) requestedRoles() ([]Role, *apiError) {
	var request struct {
		Roles []json.RawMessage `json:"roles"`
	}
	if refused := c.decode(&request); refused != nil {
		return nil, refused
	}
	if len(request.Roles) == 0 {
		return nil, invalid(field("roles", "min", "roles must contain at least 1 item"))
	}
	roles := make([]Role, 0, len(request.Roles))
	for _, raw := range request.Roles {
		r, err := parseRole(raw)
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "Invalid request: malformed role: %s", err)
		}
		roles = append(roles, r)
	}
	return roles, nil
}

// storeRoles replaces the set, whoever does it.
func (s *Sim) storeRoles(t *token, roles []Role, by profile) {
	t.remember(s.now())
	t.roles = roles
	if s.behaviour.UpdatedAtOnRoleChange == Moves {
		t.updated, t.updatedBy = s.now(), by
	}
}

// subjectRolesWire is the answer to a role write; it has another shape than the request.
type subjectRolesWire struct {
	OrganizationRole string           `json:"organizationRole,omitempty"`
	WorkspaceRoles   []workspaceRole  `json:"workspaceRoles,omitempty"`
	DeploymentRoles  []deploymentRole `json:"deploymentRoles,omitempty"`
	DAGRoles         []dagRole        `json:"dagRoles,omitempty"`
}

type workspaceRole struct {
	WorkspaceID string `json:"workspaceId"`
	Role        string `json:"role"`
}

type deploymentRole struct {
	DeploymentID string `json:"deploymentId"`
	Role         string `json:"role"`
}

type dagRole struct {
	DeploymentID string `json:"deploymentId"`
	DAGID        string `json:"dagId,omitempty"`
	DAGTag       string `json:"dagTag,omitempty"`
	Role         string `json:"role"`
}

func (s *Sim) subjectRoles(before, after []Role) []byte {
	roles := after
	switch s.behaviour.RolesAnswer {
	case Stale:
		roles = before
	case Empty:
		roles = nil
	}
	var w subjectRolesWire
	for _, r := range roles {
		w.add(r)
	}
	return mustMarshal(w)
}

func (w *subjectRolesWire) add(r Role) {
	switch r.EntityType {
	case TypeOrganization:
		w.OrganizationRole = r.Role
	case TypeWorkspace:
		w.WorkspaceRoles = append(w.WorkspaceRoles, workspaceRole{r.EntityID, r.Role})
	case TypeDeployment:
		w.DeploymentRoles = append(w.DeploymentRoles, deploymentRole{r.EntityID, r.Role})
	case TypeDAG:
		w.DAGRoles = append(w.DAGRoles, dagRole{DeploymentID: r.DeploymentID, DAGID: r.EntityID, Role: r.Role})
	case TypeDAGTag:
		w.DAGRoles = append(w.DAGRoles, dagRole{DeploymentID: r.DeploymentID, DAGTag: r.EntityID, Role: r.Role})
	}
}
