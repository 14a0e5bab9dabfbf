package astro

// subjectRoles is Astro's answer to a role write. It has another shape than the request, and every field is optional.
type subjectRoles struct {
	OrganizationRole string `json:"organizationRole"`
	WorkspaceRoles   []struct {
		WorkspaceID string `json:"workspaceId"`
		Role        string `json:"role"`
	} `json:"workspaceRoles"`
	DeploymentRoles []struct {
		DeploymentID string `json:"deploymentId"`
		Role         string `json:"role"`
	} `json:"deploymentRoles"`
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
