package astrosim

import (
	"net/http"
	"strconv"
	"time"

	"golang.org/x/time/rate"
)

// Limits are calls a second, per method; zero is no limit.
type Limits struct{ Get, Post, Delete int }

// PublishedLimits are those of Astro's documents.
func PublishedLimits() Limits { return Limits{Get: 25, Post: 10, Delete: 5} }

func (l Limits) of(method string) int {
	switch method {
	case http.MethodGet:
		return l.Get
	case http.MethodPost:
		return l.Post
	case http.MethodDelete:
		return l.Delete
	}
	return 0
}

// limiter says whether one more call may pass now.
type limiter interface{ allow(now time.Time) bool }

// allowed charges the call to its limit. A refused call is not charged.
func (s *Sim) allowed(c *call) bool {
	n := s.limits.of(c.method)
	if n <= 0 {
		return true
	}
	key := c.method + " " + c.caller.id
	if s.behaviour.LimitScope == PerTenant {
		key = c.method + " " + c.caller.org.id
	}
	l := s.limiters[key]
	if l == nil {
		l = newLimiter(s.behaviour.LimitWindow, n)
		s.limiters[key] = l
	}
	return l.allow(s.options.Now())
}

func newLimiter(window Choice, n int) limiter {
	switch window {
	case Sliding:
		return &sliding{times: make([]time.Time, n)}
	case Fixed:
		return &fixed{n: n}
	default:
		return bucket{rate.NewLimiter(rate.Limit(n), n)}
	}
}

type bucket struct{ *rate.Limiter }

func (b bucket) allow(now time.Time) bool { return b.AllowN(now, 1) }

// sliding remembers the last n calls in a ring: the oldest must be a second old.
type sliding struct {
	times []time.Time
	next  int
}

func (l *sliding) allow(now time.Time) bool {
	if now.Sub(l.times[l.next]) < time.Second {
		return false
	}
	l.times[l.next] = now
	l.next = (l.next + 1) % len(l.times)
	return true
}

type fixed struct {
	second  int64
	n, used int
}

func (l *fixed) allow(now time.Time) bool {
	if second := now.Unix(); second != l.second {
		l.second, l.used = second, 0
	}
	l.used++
	return l.used <= l.n
}

// throttled is a 429 with the oddities that the switches ask for.
func (s *Sim) throttled(header http.Header) (answer, http.Header) {
	switch s.behaviour.RetryAfter {
	case Seconds:
		header.Set("Retry-After", strconv.Itoa(1))
	case Date:
		header.Set("Retry-After", s.now().Add(time.Second).Format(http.TimeFormat))
	}
	a := answer{status: http.StatusTooManyRequests}
	switch s.behaviour.ThrottleBody {
	case JSON:
		a.body = mustMarshal(apiError{Message: "Too many requests", RequestID: s.newRequestID(), StatusCode: a.status})
	case HTML:
		header.Set("Content-Type", "text/html")
		a.body = gatewayPage(a.status)
	case Empty:
		header.Del("Content-Type")
	default:
		header.Set("Content-Type", "text/plain; charset=utf-8")
		a.body = []byte("Too many requests\n")
	}
	return a, header
}
