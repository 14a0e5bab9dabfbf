package astro

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
)

// credential is the secret that calls carry, and what Astro said when it refused it. Once it has, calls fail here without
// being sent, so that one revoked secret costs one call however many have something to ask: the calls under way at that
// moment are all there will be. UseCredential or Prove let calls through again. A call that still carries a secret from
// before says nothing of the one in use now.
type credential struct {
	*redactor

	refused atomic.Pointer[Error]
}

func newCredential(secret string) *credential {
	return &credential{redactor: newRedactor(strings.TrimSpace(secret))}
}

// met takes note of how a call ended; true if it is the first that was refused.
func (c *credential) recordRefusal(err error) (first bool) {
	e, ok := errors.AsType[*Error](err)
	return ok && errors.Is(err, ErrUnauthorized) && c.refused.CompareAndSwap(nil, e)
}

// refusal is the error of a call that is not sent; nil as long as Astro has not refused the credential.
func (c *credential) refusal(k call) error {
	e := c.refused.Load()
	if e == nil || k.trial {
		return nil
	}
	return &Error{
		Op: k.op, Message: clip("not sent, since Astro refused the credential before: "+e.Message, maxErrorText),
		RequestID: e.RequestID, kind: ErrUnauthorized,
	}
}

// UseCredential makes every request from now on carry another secret, that of the same token after a rotation, or the
// same one after it was proven anew.
func (c *Client) UseCredential(secret string) { c.credential.Store(newCredential(secret)) }

// Refusal is why Astro does not take the credential, so that no call is sent; nil while it does.
func (c *Client) Refusal() error {
	return c.credential.Load().refusal(call{op: "use the credential"})
}

// Prove reads the Organization even if Astro has refused the credential before. If Astro takes it now, so may everybody
// else's next call.
func (c *Client) Prove(ctx context.Context) (Organization, error) {
	tried := c.credential.Load()
	org, err := c.organization(ctx, true)
	if err == nil && tried.refused.Load() != nil {
		c.credential.CompareAndSwap(tried, newCredential(tried.whole))
	}
	return org, err
}
