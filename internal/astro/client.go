package astro

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
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
	// Refused is told once that Astro refuses the credential, and no more of it until UseCredential or Prove.
	Refused func()
	// Fence says why nothing may be written at the moment; nil if it may. It is asked right before each write.
	Fence func() error
}

func (o Options) complete() Options {
	o.BaseURL = strings.TrimRight(cmp.Or(o.BaseURL, "https://api.astronomer.io"), "/")
	o.UserAgent = cmp.Or(o.UserAgent, "scopedtoken-operator")
	o.ListTimeout = cmp.Or(o.ListTimeout, 20*time.Second)
	o.ReadTimeout = cmp.Or(o.ReadTimeout, 10*time.Second)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 4*time.Second)
	if o.Limiter == nil {
		o.Limiter = newLimiter(systemClock{}, defaultReads, defaultWrites)
	}
	if o.Transport == nil {
		o.Transport = sharedTransport()
	}
	if o.Observe == nil {
		o.Observe = func(string, string, string, time.Duration) {}
	}
	if o.Refused == nil {
		o.Refused = func() {}
	}
	if o.Fence == nil {
		o.Fence = func() error { return nil }
	}
	return o
}

// Client makes calls for one credential in one Organization.
type Client struct {
	opts       Options
	base       string // of everything in the Organization
	http       *http.Client
	credential atomic.Pointer[credential]
	limiter    *Limiter
	retries    *retryBudget
}

// NewClient makes a client. Options that cannot work fail at the first call, as an unreachable Astro would.
func NewClient(opts Options) *Client {
	opts = opts.complete()
	c := &Client{
		opts:    opts,
		base:    opts.BaseURL + "/v1/organizations/" + url.PathEscape(opts.Organization),
		http:    &http.Client{Transport: opts.Transport, CheckRedirect: refuseRedirect},
		limiter: opts.Limiter,
		retries: newRetryBudget(),
	}
	c.UseCredential(opts.Credential)
	return c
}

// GetOrganization reads the client's Organization.
func (c *Client) GetOrganization(ctx context.Context) (Organization, error) {
	return c.organization(ctx, false)
}

func (c *Client) organization(ctx context.Context, trial bool) (Organization, error) {
	k := call{op: "get organization " + c.opts.Organization, endpoint: "organization", timeout: c.opts.ReadTimeout, trial: trial}
	if err := validID(k.op, c.opts.Organization); err != nil {
		return Organization{}, err
	}
	var org struct{ ID, Name string }
	err := c.get(ctx, k, into(&org))
	return Organization{ID: org.ID, Name: org.Name}, err
}

// GetToken reads one token.
func (c *Client) GetToken(ctx context.Context, id string) (Token, error) {
	k := c.tokenCall(id)
	var t Token
	if err := validID(k.op, id); err != nil {
		return Token{}, err
	}
	err := c.get(ctx, k, intoToken(&t, id))
	return t, err
}

func (c *Client) tokenCall(id string) call {
	return call{op: "get token " + clean(id), endpoint: "token", path: "/tokens/" + url.PathEscape(id), timeout: c.opts.ReadTimeout}
}

var idForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// validID keeps out what would make another path of a request: nothing, dots, slashes.
func validID(op, id string) error {
	if !idForm.MatchString(id) {
		return invalid(op, "that is not an id")
	}
	return nil
}

// into decodes a whole body into v.
func into(v any) func(io.Reader) error {
	return func(body io.Reader) error {
		raw, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		return json.Unmarshal(raw, v)
	}
}

// intoToken decodes a token and makes sure that it is the one asked for.
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
