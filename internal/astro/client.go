package astro

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
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
	Party        string            // whose the connection is: see Together
	Transport    http.RoundTripper // none: one that all clients share, so that connections are reused

	ListTimeout  time.Duration // one page of a listing, its body included: 20 s
	ReadTimeout  time.Duration // one GET, its body included: 10 s
	WriteTimeout time.Duration // one POST, its body included: 4 s

	// MaxListing is how many bytes of memory the rows of one listing may take up: 48 MiB.
	MaxListing int
	// Memory is the share of what the rows of all listings of a process may take up together; none: they are not counted.
	Memory MemoryShare

	// Observe is called after every request: "GET", "tokens", "ok" or the kind of its error, the HTTP status (0 without an
	// answer), and how long it took.
	Observe func(method, endpoint, outcome string, status int, d time.Duration)
	// Failed is called with an error of an answer, for a log that tells it in full. What is no news is left out: a read that does not
	// find what it looks for, and a 429.
	Failed func(error)
	// Refused is called once when Astro refuses the credential, and not again until UseCredential or Prove.
	Refused func()
	// Recency is what is remembered of tokens lately, shared by all clients of a process; none: the client's own.
	Recency *Recency
	// Fence returns why nothing may be written now, or nil. It is called right before each write.
	Fence func() error
}

func (o Options) complete() Options {
	o.BaseURL = strings.TrimRight(cmp.Or(o.BaseURL, "https://api.astronomer.io"), "/")
	o.UserAgent = cmp.Or(o.UserAgent, "scopedtoken-operator")
	o.ListTimeout = cmp.Or(o.ListTimeout, 20*time.Second)
	o.ReadTimeout = cmp.Or(o.ReadTimeout, 10*time.Second)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 4*time.Second)
	o.MaxListing = cmp.Or(o.MaxListing, maxListing)
	if o.Limiter == nil {
		o.Limiter = newLimiter(systemClock{}, defaultReads, defaultWrites)
	}
	if o.Transport == nil {
		o.Transport = sharedTransport()
	}
	if o.Observe == nil {
		o.Observe = func(string, string, string, int, time.Duration) {}
	}
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	if o.Refused == nil {
		o.Refused = func() {}
	}
	if o.Recency == nil {
		o.Recency = NewRecency(time.Now)
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
		http:    &http.Client{Transport: exposing{opts.Transport}, CheckRedirect: refuseRedirect},
		limiter: opts.Limiter,
		retries: newRetryBudget(),
	}
	c.UseCredential(opts.Credential)
	return c
}

// share is the client's share of the memory for listings.
func (c *Client) share() MemoryShare {
	if c == nil {
		return MemoryShare{}
	}
	return c.opts.Memory
}

// UseCredential makes every later request carry this secret: that of the same token after a rotation, or the same secret
// after it was proven again.
func (c *Client) UseCredential(secret string) { c.credential.Store(newCredential(secret)) }

// Refusal is why Astro refused the credential, and why no call is sent; nil if Astro has not refused it.
func (c *Client) Refusal() error {
	return c.credential.Load().refusal("use the credential")
}

// Throttled reports whether Astro has throttled the credential and its rates have not recovered yet.
func (c *Client) Throttled() bool { return c.limiter.reads.isLowered() || c.limiter.writes.isLowered() }

// refuseRedirect follows no redirect: the credential is sent only to the host it is for.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Impatient is the context of work that others wait for, who use other credentials: while Astro asks a credential to wait, or calls
// wait for its rate limit for longer than a second, a call with it fails with ErrThrottled at once. One that waits for a
// listing or lookup which another call makes does so after a second. Only where the credential is that of own, which may be nil, a
// call waits as it always does.
func Impatient(ctx context.Context, own *Client) context.Context {
	var exempt *Limiter
	if own != nil {
		exempt = own.limiter
	}
	return context.WithValue(ctx, impatientKey{}, exempt)
}

// Shares reports whether two clients have the budget of one credential.
func (c *Client) Shares(other *Client) bool { return c.limiter == other.limiter }
