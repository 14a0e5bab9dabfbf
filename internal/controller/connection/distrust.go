package connection

import (
	"context"
	"fmt"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// distrust takes note that Astro refused the credential of a connection that had proven it. The first time it is proven
// again at once. Where that does not help, because Astro takes the proof and refuses other calls, proofs come further
// and further apart: each opens the way for calls that are refused again.
func (m *memory) distrust(now time.Time) {
	if now.Sub(m.distrustedAt) > 2*m.interval {
		m.distrusts = 0
	}
	m.distrustedAt = now
	if m.distrusts++; m.distrusts == 1 {
		return
	}
	m.refusal = newFault(v1alpha1.ReasonCredentialRejected,
		"Astro refuses API token %s now and then, although it proves it for the Organization: %v; "+
			"the operator tries again by itself; if it lasts, put another API token in the Secret",
		m.access.identity.TokenID, m.access.client.Refusal())
	m.refusal.transient = true
	m.refusal.gist = fmt.Sprint("refused now and then: ", m.access.identity.TokenID)
	m.retryAt = now.Add(m.spread(min(m.interval, firstRetry<<min(m.distrusts-2, 10))))
}

// reprove tries the last proven credential again, which is all there is to revoke with while the Secret holds none that
// could be used, once a sweep interval. Whoever waits for it is told.
func (r *reconciler) reprove(ctx context.Context, key Key, m *memory, suspect bool) error {
	if !suspect || r.Clock().Before(m.retryAt) {
		return nil
	}
	m.retryAt = r.Clock().Add(m.spread(m.interval))
	r.reopen(key, m.access.client, func() {
		_, _ = m.access.client.Prove(ctx) // what is wrong with the connection is that its Secret cannot be used
	})
	return ctx.Err()
}

// reopen does what may make a client work again, and has everything looked at if it does: what was to be put right
// meanwhile may be of a binding that is Ready, and a sweep tells of a change only once.
func (r *reconciler) reopen(key Key, c *astro.Client, prove func()) {
	refused := c.Refusal() != nil
	prove()
	if refused && c.Refusal() == nil {
		r.Registry.credentials.awaitRefusal(key)
		r.Registry.subscribers.tell(Notice{Connection: key, All: true})
	}
}
