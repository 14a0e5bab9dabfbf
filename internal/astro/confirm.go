package astro

import (
	"encoding/json"
)

// subjectRoles is Astro's answer to a role write. It has another shape than the request, and every field is optional.
type subjectRoles struct {
	OrganizationRole string
	WorkspaceRoles   []workspaceRole
	DeploymentRoles  []deploymentRole
}

type workspaceRole struct {
	WorkspaceID string `json:"workspaceId"`
	Role        string `json:"role"`
}

type deploymentRole struct {
	DeploymentID string `json:"deploymentId"`
	Role         string `json:"role"`
}

// UnmarshalJSON reads an answer. One with more roles than are read of a token says nothing: in memory they may be many times as
// large as on the wire.
func (s *subjectRoles) UnmarshalJSON(raw []byte) error {
	var w struct {
		OrganizationRole string          `json:"organizationRole"`
		WorkspaceRoles   json.RawMessage `json:"workspaceRoles"`
		DeploymentRoles  json.RawMessage `json:"deploymentRoles"`
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return err
	}
	*s = subjectRoles{}
	if tooManyRoles(w.WorkspaceRoles) || tooManyRoles(w.DeploymentRoles) {
		return nil
	}
	read := subjectRoles{OrganizationRole: w.OrganizationRole}
	if err := unmarshalIfThere(w.WorkspaceRoles, &read.WorkspaceRoles); err != nil {
		return err
	}
	if err := unmarshalIfThere(w.DeploymentRoles, &read.DeploymentRoles); err != nil {
		return err
	}
	*s = read
	return nil
}

func unmarshalIfThere(raw json.RawMessage, list any) error {
	if len(raw) == 0 {
		return nil
	}
	return json.Unmarshal(raw, list)
}

// says is false for an answer without any field, which says nothing, above all not that roles are gone.
func (s subjectRoles) says() bool {
	return s.OrganizationRole != "" || len(s.WorkspaceRoles) > 0 || len(s.DeploymentRoles) > 0
}

func (s subjectRoles) byKey() map[RoleKey]string {
	roles := map[RoleKey]string{}
	for _, w := range s.WorkspaceRoles {
		roles[RoleKey{EntityType: EntityWorkspace, EntityID: w.WorkspaceID}] = w.Role
	}
	for _, d := range s.DeploymentRoles {
		roles[RoleKey{EntityType: EntityDeployment, EntityID: d.DeploymentID}] = d.Role
	}
	return roles
}

func rolesByKey(roles []Role) map[RoleKey]string {
	byKey := make(map[RoleKey]string, len(roles))
	for _, r := range roles {
		byKey[r.Key()] = r.Role
	}
	return byKey
}

// shows says whether what Astro shows holds every Workspace and Deployment role that was sent and none of those that
// were there before and were not sent. Others that it shows, such as an accessor role of Astro's own adding, do not
// matter.
func shows(shown map[RoleKey]string, before, sent []Role) bool {
	wanted := rolesByKey(sent)
	for k, role := range wanted {
		if bindable(k) && shown[k] != role {
			return false
		}
	}
	for k := range rolesByKey(before) {
		if _, kept := wanted[k]; kept || !bindable(k) {
			continue
		}
		if _, there := shown[k]; there {
			return false
		}
	}
	return true
}

// accessors are the roles that Astro may add by itself on what a token holds roles inside of.
var accessors = map[EntityType]string{EntityWorkspace: "WORKSPACE_ACCESSOR", EntityDeployment: "DEPLOYMENT_ACCESSOR"}

// accessorsFor lists where an accessor role is shown in the place of one that was there before and was not sent.
func accessorsFor(shown map[RoleKey]string, before, sent []Role) (keys []RoleKey) {
	wanted := rolesByKey(sent)
	for k := range rolesByKey(before) {
		if _, kept := wanted[k]; !kept && shown[k] != "" && shown[k] == accessors[k.EntityType] {
			keys = append(keys, k)
		}
	}
	return keys
}

func bindable(k RoleKey) bool {
	return k.EntityType == EntityWorkspace || k.EntityType == EntityDeployment
}
