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
	ClustersList      Endpoint = "clusters.list"
	ClustersGet       Endpoint = "clusters.get"
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
	"GET /organizations/*/clusters":         {ClustersList, (*Sim).listClusters},
	"GET /organizations/*/clusters/*":       {ClustersGet, (*Sim).getCluster},
	"GET /organizations/*/roles":            {RolesList, (*Sim).listRoles},
	"GET /organizations/*/roles/*":          {RolesGet, (*Sim).getRole},
}

// bases are the paths under which the API is served: v1, and the two halves of v1beta1, which first-party clients still call.
var bases = []struct {
	prefix string
	beta   bool
	serves func(Endpoint) bool
}{
	{"/v1/", false, func(Endpoint) bool { return true }},
	{"/iam/v1beta1/", true, inIAM},
	{"/platform/v1beta1/", true, func(e Endpoint) bool { return !inIAM(e) }},
}

func inIAM(e Endpoint) bool {
	return strings.HasPrefix(string(e), "tokens.") || strings.HasPrefix(string(e), "roles.")
}

// route finds what a request is for.
func (c *call) route(r *http.Request) {
	c.endpoint = Unknown
	for _, base := range bases {
		if rest, found := strings.CutPrefix(r.URL.Path, base.prefix); found {
			c.beta = base.beta
			c.routeBelow(r.Method, rest, base.serves)
		}
	}
}

// routeBelow finds the endpoint of a path below its base. The ids of the path are the second and fourth of its segments.
func (c *call) routeBelow(method, rest string, serves func(Endpoint) bool) {
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
	if route, known := routes[method+" "+shape]; known && serves(route.endpoint) {
		c.endpoint, c.handle = route.endpoint, route.handle
		return
	}
	for _, method := range []string{http.MethodDelete, http.MethodGet, http.MethodPost} {
		if route, known := routes[method+" "+shape]; known && serves(route.endpoint) {
			c.allow = append(c.allow, method)
		}
	}
}
