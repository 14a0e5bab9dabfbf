package astro

import (
	"maps"
	"sync"
	"time"
)

// BudgetOptions make Budgets.
type BudgetOptions struct {
	Clock Clock // none: the system's
}

// Budgets holds one Limiter for each credential, however many connections use it, because Astro counts by API token.
type Budgets struct {
	clock Clock

	mu  sync.Mutex
	all map[budgetKey]*budget
}

type budgetKey struct{ host, tokenID string }

// budget is under more than one key where a secret was proven to be that of a token.
type budget struct {
	limiter *Limiter
	users   map[string]rates
	left    time.Time // by its last user
}

// keptFor is for how long a budget without users stays, so that a user who returns keeps the lowered rate.
const keptFor = time.Minute

type rates struct{ reads, writes float64 }

// NewBudgets makes an empty set of budgets.
func NewBudgets(opts BudgetOptions) *Budgets {
	if opts.Clock == nil {
		opts.Clock = systemClock{}
	}
	return &Budgets{clock: opts.Clock, all: map[budgetKey]*budget{}}
}

// For adds a user of a credential, or changes its rates, and returns the credential's limiter. The lowest rates of all
// users count. A rate that is not positive is the published one.
func (b *Budgets) For(host, tokenID, user string, reads, writes float64) *Limiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	maps.DeleteFunc(b.all, func(_ budgetKey, own *budget) bool { return own.isOver(now) })
	key := budgetKey{host, tokenID}
	own := b.all[key]
	if own == nil {
		own = &budget{limiter: newLimiter(b.clock, orPublished(reads, defaultReads), orPublished(writes, defaultWrites)), users: map[string]rates{}}
		b.all[key] = own
	}
	own.users[user] = rates{orPublished(reads, defaultReads), orPublished(writes, defaultWrites)}
	own.apply()
	return own.limiter
}

// Join says that two names are of one credential, which has one budget from now on: that of the second, if there are both.
func (b *Budgets) Join(host, name, tokenID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	one, other := budgetKey{host, name}, budgetKey{host, tokenID}
	if own := b.all[other]; own != nil {
		b.all[one] = own
	} else if own := b.all[one]; own != nil {
		b.all[other] = own
	}
}

// Drop removes a user. What Astro asked of a credential is remembered for a while after its last user.
func (b *Budgets) Drop(host, tokenID, user string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := budgetKey{host, tokenID}
	own := b.all[key]
	if own == nil {
		return
	}
	if delete(own.users, user); len(own.users) == 0 {
		own.left = b.clock.Now()
		return
	}
	own.apply()
}

func (b *budget) isOver(now time.Time) bool {
	return len(b.users) == 0 && now.Sub(b.left) > keptFor && !b.limiter.reads.isLowered() && !b.limiter.writes.isLowered()
}

func (b *budget) apply() {
	var lowest rates
	for _, r := range b.users {
		if lowest.reads == 0 || r.reads < lowest.reads {
			lowest.reads = r.reads
		}
		if lowest.writes == 0 || r.writes < lowest.writes {
			lowest.writes = r.writes
		}
	}
	b.limiter.reads.setCeiling(lowest.reads)
	b.limiter.writes.setCeiling(lowest.writes)
}

func orPublished(perSecond, published float64) float64 {
	if perSecond > 0 {
		return perSecond
	}
	return published
}
