package token

import (
	"context"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// patience is how many workers may wait for a credential that Astro has asked to wait. The others are there for tokens of other
// credentials, however many are asked to.
type patience chan struct{}

// permit is a worker's leave to wait, if it got one.
type permit bool

// take returns a permit if one is left, and what gives it back.
func (p patience) take() (has permit, done func()) {
	select {
	case p <- struct{}{}:
		return true, func() { <-p }
	default:
		return false, func() {}
	}
}

// of is the context for work on a group. It waits for the credential of all its connections, if they have one in common: else whoever
// uses another would wait with it.
func (has permit) of(ctx context.Context, g group) context.Context {
	own, one := g.client()
	if !bool(has) || !one {
		own = nil
	}
	return astro.Impatient(ctx, own)
}

// client is one of the clients of the group's connections, and whether all of them have the budget of one credential.
func (g group) client() (own *astro.Client, one bool) {
	for _, h := range g.handles {
		switch {
		case h.Client == nil:
		case own != nil && !own.Shares(h.Client):
			return own, false
		default:
			own = h.Client
		}
	}
	return own, true
}
