package quota

import (
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Quota is a rate for each namespace. It is safe for concurrent use.
type Quota struct {
	rate  rate.Limit
	burst int

	mu     sync.Mutex
	all    map[string]*rate.Limiter
	pruned time.Time
}

// New makes a quota.
func New(perSecond float64, burst int) *Quota {
	return &Quota{rate: rate.Limit(perSecond), burst: burst, all: map[string]*rate.Limiter{}}
}

// Take counts one, and reports whether it is within the namespace's share.
func (q *Quota) Take(namespace string, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now.Sub(q.pruned) > time.Minute { // who has all of a share left is as good as unknown
		maps.DeleteFunc(q.all, func(_ string, l *rate.Limiter) bool { return l.TokensAt(now) >= float64(q.burst) })
		q.pruned = now
	}
	l := q.all[namespace]
	if l == nil {
		l = rate.NewLimiter(q.rate, q.burst)
		q.all[namespace] = l
	}
	return l.AllowN(now, 1)
}

// Spent reports whether nothing is left of the namespace's share.
func (q *Quota) Spent(namespace string, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.all[namespace]
	return l != nil && l.TokensAt(now) < 1
}

// until is how long it takes until so much of the namespace's share is there, as long as nobody takes any of it.
func (q *Quota) until(namespace string, n int, now time.Time) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	left := float64(q.burst)
	if l := q.all[namespace]; l != nil {
		left = l.TokensAt(now)
	}
	return max(0, time.Duration((float64(n)-left)/float64(q.rate)*float64(time.Second)))
}
