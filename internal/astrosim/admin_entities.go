package astrosim

import (
	"encoding/json"
	"errors"
	"fmt"
)

// oneNamed finds the one entity of a name or id.
func oneNamed[T any](kind, nameOrID string, entities []T, of func(T) *meta) (string, error) {
	var ids []string
	for _, e := range entities {
		m := of(e)
		if m.id == nameOrID {
			return m.id, nil
		}
		if m.name == nameOrID {
			ids = append(ids, m.id)
		}
	}
	switch len(ids) {
	case 0:
		return "", absentError{fmt.Sprintf("no %s is named %q", kind, nameOrID)}
	case 1:
		return ids[0], nil
	default:
		return "", absentError{fmt.Sprintf("%d %ss are named %q: %v", len(ids), kind, nameOrID, ids)}
	}
}

func (s *Sim) findNamed(kind, nameOrID string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var tokens []*token
	var workspaces []*workspace
	var deployments []*deployment
	for _, o := range s.state.organizations {
		tokens, workspaces, deployments = append(tokens, o.tokens...), append(workspaces, o.workspaces...), append(deployments, o.deployments...)
	}
	switch kind {
	case "token":
		return oneNamed(kind, nameOrID, tokens, func(t *token) *meta { return &t.meta })
	case "workspace":
		return oneNamed(kind, nameOrID, workspaces, func(w *workspace) *meta { return &w.meta })
	default:
		return oneNamed(kind, nameOrID, deployments, func(d *deployment) *meta { return &d.meta })
	}
}

// on runs a command on the entity that the path names.
func (s *Sim) on(r *adminRequest, kind string, do func(id string)) (any, error) {
	id, err := s.findNamed(kind, r.PathValue(kind))
	if err == nil {
		do(id)
	}
	return nothing{}, err
}

// rename gives the entity that the path names the name of the argument to.
func (s *Sim) rename(r *adminRequest, kind string, do func(id, name string)) (any, error) {
	name, err := r.need("to")
	if err != nil {
		return nil, err
	}
	return s.on(r, kind, func(id string) { do(id, name) })
}

func (s *Sim) adminRenameToken(r *adminRequest) (any, error) {
	return s.rename(r, "token", s.RenameToken)
}

func (s *Sim) adminRenameWorkspace(r *adminRequest) (any, error) {
	return s.rename(r, "workspace", s.RenameWorkspace)
}

func (s *Sim) adminRenameDeployment(r *adminRequest) (any, error) {
	return s.rename(r, "deployment", s.RenameDeployment)
}

func (s *Sim) adminDeleteToken(r *adminRequest) (any, error) { return s.on(r, "token", s.DeleteToken) }

func (s *Sim) adminDeleteWorkspace(r *adminRequest) (any, error) {
	return s.on(r, "workspace", s.DeleteWorkspace)
}

func (s *Sim) adminDeleteDeployment(r *adminRequest) (any, error) {
	return s.on(r, "deployment", s.DeleteDeployment)
}

func (s *Sim) adminRevokeCredential(r *adminRequest) (any, error) {
	return s.on(r, "token", s.RevokeCredential)
}

func (s *Sim) adminRestoreCredential(r *adminRequest) (any, error) {
	return s.on(r, "token", s.RestoreCredential)
}

func (s *Sim) adminDowngrade(r *adminRequest) (any, error) {
	role, err := r.need("role")
	if err != nil {
		return nil, err
	}
	return s.on(r, "token", func(id string) { s.DowngradeCredential(id, role) })
}

func (s *Sim) adminRotate(r *adminRequest) (any, error) {
	id, err := s.findNamed("token", r.PathValue("token"))
	if err != nil {
		return nil, err
	}
	return s.RotateToken(id), nil
}

func (s *Sim) adminCredential(r *adminRequest) (any, error) {
	id, err := s.findNamed("token", r.PathValue("token"))
	if err != nil {
		return nil, err
	}
	return s.Credential(id), nil
}

func (s *Sim) adminGrant(r *adminRequest) (any, error) {
	if raw := r.FormValue("json"); raw != "" {
		role, err := parseRole([]byte(raw))
		if err != nil {
			return nil, fmt.Errorf("json=: %w", err)
		}
		return s.on(r, "token", func(id string) { s.Grant(id, role) })
	}
	entityType, entity, err := s.entityOf(r)
	if err != nil {
		return nil, err
	}
	role, err := r.need("role")
	if err != nil {
		return nil, err
	}
	return s.on(r, "token", func(id string) { s.GrantRole(id, entityType, entity, role) })
}

func (s *Sim) adminRevoke(r *adminRequest) (any, error) {
	entityType, entity, err := s.entityOf(r)
	if err != nil {
		return nil, err
	}
	return s.on(r, "token", func(id string) { s.RevokeRole(id, entityType, entity) })
}

// entityOf is the entity that the arguments name.
func (s *Sim) entityOf(r *adminRequest) (entityType, id string, err error) {
	if name := r.FormValue("workspace"); name != "" {
		id, err = s.findNamed("workspace", name)
		return TypeWorkspace, id, err
	}
	if name := r.FormValue("deployment"); name != "" {
		id, err = s.findNamed("deployment", name)
		return TypeDeployment, id, err
	}
	entityType, id = r.FormValue("entityType"), r.FormValue("entityId")
	if entityType == "" || id == "" {
		err = errors.New("workspace=, deployment=, or entityType= and entityId= is missing")
	}
	return entityType, id, err
}

// readFault reads a fault from JSON, or from arguments of the same names.
func readFault(r *adminRequest) (f Fault, err error) {
	if len(r.body) > 0 && r.body[0] == '{' {
		return f, json.Unmarshal(r.body, &f)
	}
	if err := r.ParseForm(); err != nil {
		return f, err
	}
	fields := map[string]any{}
	for name, values := range r.Form {
		switch name {
		case "ids":
			fields[name] = values
		case "after", "times", "probability", "status", "back", "shift", "keep", "keepTotal":
			fields[name] = json.RawMessage(values[0])
		default:
			fields[name] = values[0]
		}
	}
	data, err := json.Marshal(fields)
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(data, &f)
}
