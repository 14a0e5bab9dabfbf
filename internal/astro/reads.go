package astro

import (
	"context"
	"errors"
	"io"
	"net/url"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

// GetOrganization reads the client's Organization.
func (c *Client) GetOrganization(ctx context.Context) (Organization, error) {
	return c.organization(ctx, false)
}

// Prove reads the Organization even if Astro has refused the credential before. If Astro accepts the credential now, calls
// are sent again.
func (c *Client) Prove(ctx context.Context) (Organization, error) {
	tried := c.credential.Load()
	org, err := c.organization(ctx, true)
	if err == nil && tried.refused.Load() != nil {
		c.credential.CompareAndSwap(tried, newCredential(tried.whole))
	}
	return org, err
}

func (c *Client) organization(ctx context.Context, trial bool) (Organization, error) {
	k := call{op: "get organization " + c.opts.Organization, endpoint: "organization", timeout: c.opts.ReadTimeout, trial: trial, plain: true}
	if err := validID(k.op, c.opts.Organization); err != nil {
		return Organization{}, err
	}
	var org struct{ ID, Name string }
	sent := c.credential.Load()
	err := c.get(ctx, k, func(body io.Reader) error {
		if err := into(&org)(body); err != nil {
			return err
		}
		if org.ID == "" { // as from something that answers everything
			return errors.New("it is no Organization")
		}
		return nil
	})
	// Both are told in messages, and whoever answers may echo the credential. An id as it was asked for is none of it.
	if org.ID != c.opts.Organization {
		org.ID = text.Clip(sent.cut(org.ID), maxRequestID)
	}
	return Organization{ID: org.ID, Name: text.Clip(sent.cut(org.Name), text.MostName)}, err
}

// GetToken reads one token. An answer that is older than what is known of the token is read again, with growing waits; what
// is still old then is ErrUnreachable.
func (c *Client) GetToken(ctx context.Context, id string) (Token, error) {
	k := c.tokenCall(id)
	if err := validID(k.op, id); err != nil {
		return Token{}, err
	}
	for attempt := 1; ; attempt++ {
		var t Token
		if err := c.get(ctx, k, intoToken(&t, id)); err != nil {
			return t, err
		}
		err := c.admit(k.op, t)
		if err == nil {
			return t, nil
		}
		if !c.again(ctx, err, attempt) {
			return Token{}, err
		}
	}
}

// admit takes in a read of a token by id, or says that it is too old.
func (c *Client) admit(op string, t Token) error {
	if why := c.opts.Recency.lags(c.recentKey(t.ID), t); why != "" {
		return &Error{Op: op, Message: "Astro answered with an old state of the token: " + why, kind: ErrUnreachable, unsent: true}
	}
	c.opts.Recency.saw(c.recentKey(t.ID), t)
	return nil
}

func (c *Client) recentKey(id string) recentKey { return recentKey{c.opts.BaseURL, id} }

func (c *Client) tokenCall(id string) call {
	return call{op: "get token " + clean(id), endpoint: "token", path: "/tokens/" + url.PathEscape(id), timeout: c.opts.ReadTimeout}
}

// intoToken decodes a token and checks that it is the one that was asked for.
func intoToken(t *Token, id string) func(io.Reader) error {
	return func(body io.Reader) error {
		var read Token
		if err := into(&read)(body); err != nil {
			return err
		}
		if read.ID != id {
			return errors.New("it is another token's")
		}
		*t = read
		return nil
	}
}

// ListTokens reads all tokens that the credential may see. What becomes of them is the caller's affair: they are not counted in the
// memory for listings.
func (c *Client) ListTokens(ctx context.Context) ([]Token, error) {
	return c.listTokens(ctx, pagedTokens())
}

func (c *Client) listTokens(ctx context.Context, list pagedList[Token]) ([]Token, error) {
	tokens, err := list.fetch(ctx, c)
	for _, t := range tokens {
		c.opts.Recency.saw(c.recentKey(t.ID), t)
	}
	return tokens, err
}

func pagedTokens() pagedList[Token] {
	return pagedList[Token]{
		call:  call{op: "list tokens", endpoint: "tokens", path: "/tokens", plain: true},
		items: "tokens",
		id:    func(t Token) string { return t.ID },
	}
}

// ListWorkspaces reads the Workspaces that the filter names.
func (c *Client) ListWorkspaces(ctx context.Context, f Filter) ([]Target, error) {
	return c.lookUpTargets(ctx, EntityWorkspace, url.Values{"workspaceIds": f.IDs, "names": f.Names})
}

// ListDeployments reads the Deployments that the filter names.
func (c *Client) ListDeployments(ctx context.Context, f Filter) ([]Target, error) {
	return c.lookUpTargets(ctx, EntityDeployment, url.Values{"deploymentIds": f.IDs, "names": f.Names, "workspaceIds": f.WorkspaceIDs})
}

// lookUpTargets counts nothing of the few targets that a lookup finds as a rule, which goes on where the memory for listings is
// used up.
func (c *Client) lookUpTargets(ctx context.Context, kind EntityType, query url.Values) ([]Target, error) {
	held := holding{share: c.opts.Memory}
	defer held.set(0)
	return c.listTargets(ctx, kind, query, held.fits(smallLookup))
}

func (c *Client) listTargets(ctx context.Context, kind EntityType, query url.Values, fits func(taken) bool) ([]Target, error) {
	items := itemsOf(kind)
	rows, err := pagedList[wireTarget]{
		call:  call{op: "list " + items, endpoint: items, path: "/" + items, query: query},
		items: items,
		id:    func(w wireTarget) string { return w.ID },
		most:  maxLookup,
		fits:  fits,
	}.fetch(ctx, c)
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

// itemsOf is what Astro calls the targets of a kind.
func itemsOf(kind EntityType) string {
	if kind == EntityWorkspace {
		return "workspaces"
	}
	return "deployments"
}

// TargetExists asks for a Workspace or Deployment by id. It is false only if Astro answers 404. A listing cannot tell,
// because it leaves out what the credential may not see.
func (c *Client) TargetExists(ctx context.Context, kind EntityType, id string) (bool, error) {
	items := itemsOf(kind)
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

// ListRoles reads the custom Deployment roles.
func (c *Client) ListRoles(ctx context.Context) ([]CustomRole, error) {
	held := holding{share: c.opts.Memory}
	defer held.set(0)
	rows, err := pagedList[wireRole]{
		call:  call{op: "list roles", endpoint: "roles", path: "/roles", query: url.Values{"scopeTypes": {"DEPLOYMENT"}}},
		items: "roles",
		id:    func(w wireRole) string { return w.ID },
		fits:  held.fits(smallLookup),
	}.fetch(ctx, c)
	var roles []CustomRole
	for _, w := range rows {
		if w.ScopeType == string(EntityDeployment) {
			roles = append(roles, CustomRole{Name: w.Name, WorkspaceIDs: w.RestrictedWorkspaceIDs})
		}
	}
	return roles, err
}
