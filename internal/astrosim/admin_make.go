package astrosim

import (
	"errors"
	"fmt"
)

// adminMoveDeployment transfers the Deployment that the path names to the Workspace of the argument to.
func (s *Sim) adminMoveDeployment(r *adminRequest) (any, error) {
	name, err := r.need("to")
	if err != nil {
		return nil, err
	}
	workspace, err := s.findNamed("workspace", name)
	if err != nil {
		return nil, err
	}
	deployment, err := s.findNamed("deployment", r.PathValue("deployment"))
	if err != nil {
		return nil, err
	}
	if s.organizationOf(workspace) != s.organizationOf(deployment) {
		return nil, fmt.Errorf("workspace %q is in another Organization", name)
	}
	s.MoveDeployment(deployment, workspace)
	return nothing{}, nil
}

// adminAddWorkspace makes a Workspace, which may bear the name of one that was deleted.
func (s *Sim) adminAddWorkspace(r *adminRequest) (any, error) {
	name, err := r.need("name")
	if err != nil {
		return nil, err
	}
	organization, err := s.onlyOrganization(r.FormValue("organization"))
	if err != nil {
		return nil, err
	}
	with, err := s.withFreeID(r)
	if err != nil {
		return nil, err
	}
	return s.AddWorkspace(organization, name, with...), nil
}

// adminAddDeployment makes a Deployment, which may bear the name of one that was deleted.
func (s *Sim) adminAddDeployment(r *adminRequest) (any, error) {
	name, err := r.need("name")
	if err != nil {
		return nil, err
	}
	in, err := r.need("workspace")
	if err != nil {
		return nil, err
	}
	workspace, err := s.findNamed("workspace", in)
	if err != nil {
		return nil, err
	}
	with, err := s.withFreeID(r)
	if err != nil {
		return nil, err
	}
	return s.AddDeployment(workspace, name, with...), nil
}

// withFreeID reads the argument id, which is optional and must not be that of an entity that exists.
func (s *Sim) withFreeID(r *adminRequest) ([]With, error) {
	id := r.FormValue("id")
	if id == "" {
		return nil, nil
	}
	if s.organizationOf(id) != "" {
		return nil, fmt.Errorf("the id %q is taken", id)
	}
	return []With{ID(id)}, nil
}

// organizationOf is the id of the Organization in which the Workspace or Deployment of the id is; "" if there is none.
func (s *Sim) organizationOf(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.state.workspaces[id]; w != nil {
		return w.org.id
	}
	if d := s.state.deployments[id]; d != nil {
		return d.workspace.org.id
	}
	return ""
}

// onlyOrganization is the id of the Organization of this name or id, or of the only one if none is named.
func (s *Sim) onlyOrganization(nameOrID string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if nameOrID == "" {
		if len(s.state.organizations) != 1 {
			return "", errors.New("organization= is missing")
		}
		return s.state.organizations[0].id, nil
	}
	return oneNamed("organization", nameOrID, s.state.organizations, func(o *organization) *meta { return &o.meta })
}
