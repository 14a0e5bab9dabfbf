package astrosim

import (
	"net/http"
	"strings"
)

// Endpoint names an operation, for faults and counts.
type Endpoint string

// The endpoints of the simulated API.
const (
	TokensList        Endpoint = "tokens.list"
	TokensGet         Endpoint = "tokens.get"
	TokensCreate      Endpoint = "tokens.create"
	TokensUpdate      Endpoint = "tokens.update"
	TokensRoles       Endpoint = "tokens.roles"
	TokensRotate      Endpoint = "tokens.rotate"
	TokensDelete      Endpoint = "tokens.delete"
	WorkspacesList    Endpoint = "workspaces.list"
	WorkspacesGet     Endpoint = "workspaces.get"
	DeploymentsList   Endpoint = "deployments.list"
	DeploymentsGet    Endpoint = "deployments.get"
	RolesList         Endpoint = "roles.list"
	RolesGet          Endpoint = "roles.get"
	OrganizationGet   Endpoint = "organization.get"
	OrganizationsList Endpoint = "organizations.list"
	Unknown           Endpoint = "unknown"
)

// routes are keyed by method and shape of path; a star stands for an id.
var routes = map[string]struct {
	endpoint Endpoint
	handle   func(*Sim, *call) (answer, *apiError)
}{
	"GET /organizations":                    {OrganizationsList, (*Sim).listOrganizations},
	"GET /organizations/*":                  {OrganizationGet, (*Sim).getOrganization},
	"GET /organizations/*/tokens":           {TokensList, (*Sim).listTokens},
	"POST /organizations/*/tokens":          {TokensCreate, (*Sim).createToken},
	"GET /organizations/*/tokens/*":         {TokensGet, (*Sim).getToken},
	"POST /organizations/*/tokens/*":        {TokensUpdate, (*Sim).updateToken},
	"DELETE /organizations/*/tokens/*":      {TokensDelete, (*Sim).deleteToken},
	"POST /organizations/*/tokens/*/roles":  {TokensRoles, (*Sim).updateTokenRoles},
	"POST /organizations/*/tokens/*/rotate": {TokensRotate, (*Sim).rotateToken},
	"GET /organizations/*/workspaces":       {WorkspacesList, (*Sim).listWorkspaces},
	"GET /organizations/*/workspaces/*":     {WorkspacesGet, (*Sim).getWorkspace},
	"GET /organizations/*/deployments":      {DeploymentsList, (*Sim).listDeployments},
	"GET /organizations/*/deployments/*":    {DeploymentsGet, (*Sim).getDeployment},
	"GET /organizations/*/roles":            {RolesList, (*Sim).listRoles},
	"GET /organizations/*/roles/*":          {RolesGet, (*Sim).getRole},
}

// route finds what a request is for. The ids of the path are the second and fourth of its segments.
func (c *call) route(r *http.Request) {
	c.endpoint = Unknown
	rest, found := strings.CutPrefix(r.URL.Path, "/v1/")
	if !found {
		return
	}
	segments := strings.Split(strings.TrimSuffix(rest, "/"), "/")
	for i := range segments {
		switch i {
		case 1:
			c.org, segments[i] = segments[i], "*"
		case 3:
			c.id, segments[i] = segments[i], "*"
		}
	}
	shape := "/" + strings.Join(segments, "/")
	if route, known := routes[r.Method+" "+shape]; known {
		c.endpoint, c.handle = route.endpoint, route.handle
		return
	}
	for _, method := range []string{http.MethodDelete, http.MethodGet, http.MethodPost} {
		if _, known := routes[method+" "+shape]; known {
			c.allow = append(c.allow, method)
		}
	}
}
