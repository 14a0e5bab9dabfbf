package token

import (
	"context"
	"maps"
	"sync"
	"time"

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

// sameLook is for how long the look that follows a wait in line counts as the same one: what was answered is remembered for longer, so
// that only who did not answer in time is asked again.
const sameLook = 5 * time.Second

// looks are what the owners of connections have left of a second for a token that was looked at, and waits in line before it is looked at
// once more. Else each of them would hold it up twice.
type looks struct {
	mu   sync.Mutex
	left map[TokenKey]look
}

type look struct {
	seconds *astro.Seconds
	at      time.Time
}

// take is what is left for the token, or seconds of which nothing is spent.
func (l *looks) take(key TokenKey) *astro.Seconds {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.left[key]
	if delete(l.left, key); time.Since(last.at) < sameLook {
		return last.seconds
	}
	return new(astro.Seconds)
}

// keep remembers it, until the token is called.
func (l *looks) keep(key TokenKey, left *astro.Seconds) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(l.left, func(_ TokenKey, old look) bool { return now.Sub(old.at) >= sameLook })
	if l.left == nil {
		l.left = map[TokenKey]look{}
	}
	l.left[key] = look{left, now}
}

// restPerRefused is for how long refused bindings are left alone for each of them. To judge one takes a twentieth of that.
const restPerRefused = time.Millisecond

// restPerBinding is for how long a name is left alone for each binding that gives it, once it was found. Looking through
// them takes a tenth of that.
const restPerBinding = 100 * time.Microsecond

// pace keeps a name that thousands of bindings give from being looked through again for each one that is made. Their token
// is worked on meanwhile, and finds by itself who gives its name.
type pace struct {
	mu    sync.Mutex
	until map[TokenKey]time.Time
}

func newPace() *pace { return &pace{until: map[TokenKey]time.Time{}} }

// rest leaves a key alone on which so many bindings were looked through, for so long for each.
func (p *pace) rest(key TokenKey, bindings int, each time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(p.until, func(_ TokenKey, until time.Time) bool { return !until.After(now) })
	if bindings > 0 {
		p.until[key] = now.Add(time.Duration(bindings) * each)
	}
}

// left is for how long the key is still to be left alone.
func (p *pace) left(key TokenKey) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Until(p.until[key])
}
