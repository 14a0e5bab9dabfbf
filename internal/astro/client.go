package astro

import (
	"context"
	"net/http"
	"time"
)

// Options make a Client. What is left zero takes its default.
type Options struct {
	BaseURL      string // https://api.astronomer.io, without /v1
	Organization string
	Credential   string
	Limiter      *Limiter // from Budgets.For; none: a limiter of its own at the published rates
	UserAgent    string
	Transport    http.RoundTripper // none: one shared by all clients, so that connections are reused

	ListTimeout  time.Duration // one page of a listing, its body included: 20 s
	ReadTimeout  time.Duration // one GET, its body included: 10 s
	WriteTimeout time.Duration // one POST, its body included: 4 s

	// Observe is told of every request: "GET", "tokens", "ok" or the kind of its error, and how long it took.
	Observe func(method, endpoint, outcome string, d time.Duration)
}

// Client makes calls for one credential in one Organization.
type Client struct {
	opts Options
}

// NewClient makes a client. Options that cannot work fail at the first call, as an unreachable Astro would.
func NewClient(opts Options) *Client { return &Client{opts: opts} }

// Update is what became of a replacement of roles.
type Update struct {
	Before    Token  // as read right before the write
	Written   bool   // Astro has taken Sent
	Sent      []Role // the last set that was sent
	After     Token  // Before with the roles Sent, if Written; else as last read
	Confirmed bool   // Astro showed the wanted Workspace and Deployment roles, and none of the removed ones
	Attempted bool   // some write may have been applied, even if an error came back
}

// GetOrganization reads the client's Organization.
func (c *Client) GetOrganization(ctx context.Context) (Organization, error) {
	return Organization{}, ErrUnreachable
}

// GetToken reads one token.
func (c *Client) GetToken(ctx context.Context, id string) (Token, error) {
	return Token{}, ErrUnreachable
}

// ListTokens reads all tokens.
func (c *Client) ListTokens(ctx context.Context) ([]Token, error) { return nil, ErrUnreachable }

// ListWorkspaces reads the Workspaces that the filter names.
func (c *Client) ListWorkspaces(ctx context.Context, f Filter) ([]Target, error) {
	return nil, ErrUnreachable
}

// ListDeployments reads the Deployments that the filter names.
func (c *Client) ListDeployments(ctx context.Context, f Filter) ([]Target, error) {
	return nil, ErrUnreachable
}

// ListRoles reads the names of the custom Deployment roles.
func (c *Client) ListRoles(ctx context.Context) ([]string, error) { return nil, ErrUnreachable }

// UpdateRoles replaces the role set of a token by what decide makes of it.
func (c *Client) UpdateRoles(ctx context.Context, id string, decide func(Token) ([]Role, bool)) (Update, error) {
	return Update{}, ErrUnreachable
}
