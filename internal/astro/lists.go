package astro

import (
	"context"
	"errors"
	"net/url"
)

// ListTokens reads all tokens that the credential may see.
func (c *Client) ListTokens(ctx context.Context) ([]Token, error) { return pagedTokens().all(ctx, c) }

func pagedTokens() pagedList[Token] {
	return pagedList[Token]{
		call:  call{op: "list tokens", endpoint: "tokens", path: "/tokens"},
		items: "tokens",
		id:    func(t Token) string { return t.ID },
	}
}

// wireTarget is as much of a Workspace or Deployment as is of use here.
type wireTarget struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	WorkspaceID string `json:"workspaceId"`
}

// ListWorkspaces reads the Workspaces that the filter names.
func (c *Client) ListWorkspaces(ctx context.Context, f Filter) ([]Target, error) {
	return c.listTargets(ctx, EntityWorkspace, "workspaces", url.Values{"workspaceIds": f.IDs, "names": f.Names})
}

// ListDeployments reads the Deployments that the filter names.
func (c *Client) ListDeployments(ctx context.Context, f Filter) ([]Target, error) {
	return c.listTargets(ctx, EntityDeployment, "deployments",
		url.Values{"deploymentIds": f.IDs, "names": f.Names, "workspaceIds": f.WorkspaceIDs})
}

func (c *Client) listTargets(ctx context.Context, kind EntityType, items string, query url.Values) ([]Target, error) {
	rows, err := pagedList[wireTarget]{
		call:  call{op: "list " + items, endpoint: items, path: "/" + items, query: query},
		items: items,
		id:    func(w wireTarget) string { return w.ID },
	}.all(ctx, c)
	targets := make([]Target, 0, len(rows))
	for _, w := range rows {
		t := Target{Kind: kind, ID: w.ID, Name: w.Name, WorkspaceID: w.WorkspaceID}
		if kind == EntityWorkspace {
			t.WorkspaceID = w.ID
		}
		targets = append(targets, t)
	}
	return targets, err
}

// TargetExists asks for a Workspace or Deployment by id: false only where Astro answers 404. A listing would not do: it
// leaves out what the credential may not see.
func (c *Client) TargetExists(ctx context.Context, kind EntityType, id string) (bool, error) {
	items := "deployments"
	if kind == EntityWorkspace {
		items = "workspaces"
	}
	k := call{op: "get " + items + " " + id, endpoint: items, path: "/" + items + "/" + id, timeout: c.opts.ReadTimeout}
	if err := validID(k.op, id); err != nil {
		return true, err
	}
	var found wireTarget
	err := c.get(ctx, k, into(&found))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return true, err
}

type wireRole struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	ScopeType string `json:"scopeType"`

	RestrictedWorkspaceIDs []string `json:"restrictedWorkspaceIds"`
}

// CustomRole is a role that an Organization has made for Deployments.
type CustomRole struct {
	Name         string
	WorkspaceIDs []string // the Workspaces in which alone it may be given; none: everywhere
}

// ListRoles reads the custom Deployment roles.
func (c *Client) ListRoles(ctx context.Context) ([]CustomRole, error) {
	rows, err := pagedList[wireRole]{
		call:  call{op: "list roles", endpoint: "roles", path: "/roles", query: url.Values{"scopeTypes": {"DEPLOYMENT"}}},
		items: "roles",
		id:    func(w wireRole) string { return w.ID },
	}.all(ctx, c)
	var roles []CustomRole
	for _, w := range rows {
		if w.ScopeType == string(EntityDeployment) {
			roles = append(roles, CustomRole{Name: w.Name, WorkspaceIDs: w.RestrictedWorkspaceIDs})
		}
	}
	return roles, err
}
