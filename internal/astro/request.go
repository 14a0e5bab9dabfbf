package astro

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"
)

// call describes one request below the Organization. A call with a body is a POST.
type call struct {
	op       string
	endpoint string
	path     string
	query    url.Values
	body     []byte
	timeout  time.Duration
	maxBody  int64 // decoded; maxAnswer if zero
	urgent   bool  // goes before calls that are not: a slot to write is held for it
	trial    bool  // sent even with a credential that Astro has refused
	plain    bool  // no user has written anything in it but the Organization

	requestID *string // where to put what Astro calls the request, if not nil
}

func (k call) method() string {
	if k.body != nil {
		return http.MethodPost
	}
	return http.MethodGet
}

// tells reports whether an error of the call has an answer that a log should have.
func (k call) tells(err error) bool {
	e, ok := errors.AsType[*Error](err)
	missing := k.body == nil && errors.Is(err, ErrNotFound)
	return ok && (e.Answer != "" || len(e.Fields) > 0) && !missing && !errors.Is(err, ErrThrottled)
}

// refusedBy is why the call is not sent with the credential; nil if it may be sent.
func (k call) refusedBy(c *credential) error {
	if k.trial {
		return nil
	}
	return c.refusal(k.op)
}

// get makes a GET, and repeats it where that may help, because a GET changes nothing. decode starts anew each time.
func (c *Client) get(ctx context.Context, k call, decode func(io.Reader) error) error {
	for attempt := 1; ; attempt++ {
		err := c.getOnce(ctx, k, decode)
		if err == nil || !c.again(ctx, err, attempt) {
			return err
		}
	}
}

// again decides whether to make one more attempt, and waits before it.
func (c *Client) again(ctx context.Context, err error, attempt int) bool {
	return c.retries.again(ctx, err, attempt, c.limiter.isImpatient(ctx))
}

func (c *Client) getOnce(ctx context.Context, k call, decode func(io.Reader) error) error {
	if err := c.slot(ctx, k, c.limiter.reads); err != nil {
		return err
	}
	return c.exchange(ctx, k, c.limiter.reads, decode)
}

// slot waits for a slot of the rate limit, unless Astro has refused the credential.
func (c *Client) slot(ctx context.Context, k call, b *bucket) error {
	if err := k.refusedBy(c.credential.Load()); err != nil {
		return err
	}
	ctx, done := c.waits(ctx)
	defer done()
	return unsent(k.op, b.acquire(ctx, k.urgent, c.limiter.isImpatient(ctx)))
}

// waits is the context in which a call waits, and what is to be done once it does not any more.
func (c *Client) waits(ctx context.Context) (within context.Context, done func()) {
	all, together := ctx.Value(togetherKey{}).(*Seconds)
	if !together || !c.limiter.isImpatient(ctx) {
		return ctx, func() {}
	}
	s, clock := all.party(c.opts.Party), c.limiter.reads.clock
	s.begin(clock.Now())
	return context.WithValue(ctx, secondKey{}, s), func() { s.end(clock.Now()) }
}

// await waits for what another call is to bring. Callers share that call: an impatient one gets an error instead of starting another.
func (c *Client) await(ctx context.Context, op string, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	default:
	}
	ctx, waited := c.waits(ctx)
	defer waited()
	return unsent(op, c.limiter.reads.attend(ctx, done, c.limiter.isImpatient(ctx)))
}

// unsent is the error of a call that was not sent, because the wait for its turn ended; nil if it did not.
func unsent(op string, err error) error {
	if paused, ok := errors.AsType[pausedError](err); ok {
		return &Error{Op: op, Message: paused.Error(), RetryAfter: paused.wait, kind: ErrThrottled, final: true, unsent: true}
	}
	if err != nil {
		e := gaveUp(op, err)
		e.unsent = true
		return e
	}
	return nil
}

// exchange sends one request, for which the caller has taken a slot, and reads its answer under one deadline.
func (c *Client) exchange(ctx context.Context, k call, b *bucket, decode func(io.Reader) error) error {
	inUse := c.credential.Load()
	if err := k.refusedBy(inUse); err != nil { // refused while the call waited for its slot
		b.giveBack()
		return err
	}
	sent, began := b.clock.Now(), time.Now()
	err := c.send(ctx, inUse, k, decode)
	if k.tells(err) {
		c.opts.Failed(err)
	}
	replaced := c.credential.Load() != inUse
	if inUse.recordRefusal(err) && !replaced {
		c.opts.Refused()
	}
	if errors.Is(err, ErrThrottled) {
		b.throttled(sent, RetryAfter(err))
	}
	if err == nil {
		c.retries.earn()
	}
	c.opts.Observe(k.method(), k.endpoint, outcome(err), statusOf(err), time.Since(began))
	if replaced && errors.Is(err, ErrUnauthorized) {
		return refusedLate(k)
	}
	return err
}

// refusedLate is the error of a call whose credential was refused, but had been replaced by then. Astro has not applied the
// call, and another attempt carries the new credential.
func refusedLate(k call) error {
	return &Error{Op: k.op, Message: "the credential was replaced while the call was under way", kind: ErrUnreachable, unsent: true}
}

func (c *Client) send(ctx context.Context, with *credential, k call, decode func(io.Reader) error) error {
	within, cancel := context.WithTimeout(ctx, k.timeout)
	defer cancel()
	f := failure{op: k.op, timeout: k.timeout, plain: k.plain, sent: c.opts.Organization, clean: with.clean}
	req, err := c.newRequest(within, with, k)
	if err != nil {
		return f.noAnswer(ctx, within, err)
	}
	resp, err := c.http.Do(req) //nolint:bodyclose // drain closes it
	if err != nil {
		return f.noAnswer(ctx, within, err)
	}
	defer drain(resp.Body)
	body := http.MaxBytesReader(nil, resp.Body, k.bodyLimit())
	if resp.StatusCode != http.StatusOK {
		e := f.fromResponse(resp, body)
		k.identify(cmp.Or(e.RequestID, f.requestID(resp)))
		return e
	}
	k.identify(f.requestID(resp))
	if err := decode(body); err != nil {
		return f.badAnswer(ctx, within, err)
	}
	return nil
}

func (k call) identify(requestID string) {
	if k.requestID != nil {
		*k.requestID = requestID
	}
}

func (k call) bodyLimit() int64 {
	if k.maxBody > 0 {
		return k.maxBody
	}
	return maxAnswer
}

func (c *Client) newRequest(ctx context.Context, with *credential, k call) (*http.Request, error) {
	target := c.base + k.path
	if len(k.query) > 0 {
		target += "?" + k.query.Encode()
	}
	var body io.Reader
	if k.body != nil {
		body = bytes.NewReader(k.body)
	}
	req, err := http.NewRequestWithContext(ctx, k.method(), target, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+with.whole)
	req.Header.Set("X-Api-Version", "1.0")
	req.Header.Set("User-Agent", c.opts.UserAgent)
	req.Header.Set("Accept", "application/json")
	if k.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// validID refuses what would lead a request to another path: an empty id, dots, slashes.
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

// drain reads the little that is left of a body and closes it, so that its connection can be used again.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 64<<10)
	_ = body.Close()
}
