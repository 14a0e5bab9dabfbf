package token

import (
	"maps"
	"sync"
	"time"
)

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

// rest leaves a key alone on which so many bindings were looked through.
func (p *pace) rest(key TokenKey, bindings int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(p.until, func(_ TokenKey, until time.Time) bool { return !until.After(now) })
	if bindings > 0 {
		p.until[key] = now.Add(time.Duration(bindings) * restPerBinding)
	}
}

// left is for how long the key is still to be left alone.
func (p *pace) left(key TokenKey) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Until(p.until[key])
}
