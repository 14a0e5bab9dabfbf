package astro

import "cmp"

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

// matches compares exactly, because it is not published how Astro's filter by name compares.
func (q TargetQuery) matches(t Target) bool {
	if q.Kind != t.Kind {
		return false
	}
	if q.ID != "" {
		return q.ID == t.ID
	}
	return q.Name == t.Name && (q.WorkspaceID == "" || q.WorkspaceID == t.WorkspaceID)
}

// Compare orders queries by ids.
func (q TargetQuery) Compare(o TargetQuery) int {
	return cmp.Or(cmp.Compare(q.Kind, o.Kind), cmp.Compare(q.ID, o.ID))
}

// Among are the targets that the query asks for.
func (q TargetQuery) Among(targets []Target) (found []Target) {
	for _, t := range targets {
		if q.matches(t) {
			found = append(found, t)
		}
	}
	return found
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

// plain removes what does not count beside an id, or for a Workspace.
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

// wireTarget is the part of a Workspace or Deployment that is read.
type wireTarget struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	WorkspaceID string `json:"workspaceId"`
}

// CustomRole is a role for Deployments that an Organization has made.
type CustomRole struct {
	Name         string
	WorkspaceIDs []string // the only Workspaces in which it may be given; none: everywhere
}

type wireRole struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	ScopeType string `json:"scopeType"`

	RestrictedWorkspaceIDs []string `json:"restrictedWorkspaceIds"`
}
