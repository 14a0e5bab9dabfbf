package astro

// Target is a Workspace or a Deployment.
type Target struct {
	Kind        EntityType
	ID          string
	Name        string
	WorkspaceID string // of a Workspace its own id
}

// TargetQuery asks for a target by ID, or by Name; WorkspaceID narrows the name of a Deployment.
type TargetQuery struct {
	Kind        EntityType
	ID          string
	Name        string
	WorkspaceID string
}

// matches compares exactly, since how Astro's own filter by name compares is not published.
func (q TargetQuery) matches(t Target) bool {
	if q.Kind != t.Kind {
		return false
	}
	if q.ID != "" {
		return q.ID == t.ID
	}
	return q.Name == t.Name && (q.WorkspaceID == "" || q.WorkspaceID == t.WorkspaceID)
}

// Organization is the Organization that a client works in.
type Organization struct {
	ID   string
	Name string
}

// Filter narrows a listing of Workspaces or Deployments; WorkspaceIDs counts for Deployments only.
type Filter struct {
	IDs          []string
	Names        []string
	WorkspaceIDs []string
}

// plain leaves out what does not count beside an id, or for a Workspace.
func (q TargetQuery) plain() TargetQuery {
	if q.ID != "" {
		return TargetQuery{Kind: q.Kind, ID: q.ID}
	}
	if q.Kind == EntityWorkspace {
		q.WorkspaceID = ""
	}
	return q
}

func (q TargetQuery) value() string { return q.ID + q.Name } // a plain query has one of them

// wireTarget is as much of a Workspace or Deployment as is of use here.
type wireTarget struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	WorkspaceID string `json:"workspaceId"`
}

// CustomRole is a role that an Organization has made for Deployments.
type CustomRole struct {
	Name         string
	WorkspaceIDs []string // the Workspaces in which alone it may be given; none: everywhere
}

type wireRole struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	ScopeType string `json:"scopeType"`

	RestrictedWorkspaceIDs []string `json:"restrictedWorkspaceIds"`
}
