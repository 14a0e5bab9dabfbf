package expiry

import "time"

// Days are the steps: within how many days something expires.
var Days = [...]int{1, 7, 30}

const day = 24 * time.Hour

// unused is for how long nobody has used a token that counts as unused.
const unused = 90 * day

// UnusedSince is when a token was last used or, if never, made. It counts as unused if that is 90 days ago; until then left is
// how long it takes. Where neither is known, it does not.
func UnusedSince(used *time.Time, made, now time.Time) (since time.Time, left time.Duration, is bool) {
	if since = made; used != nil {
		since = *used
	}
	if since.IsZero() {
		return since, 0, false
	}
	left = max(0, since.Add(unused).Sub(now))
	return since, left, left == 0
}

// Within is the smallest of Days within which the time lies, 0 if it is further off or over.
func Within(at, now time.Time) int {
	if !at.After(now) {
		return 0
	}
	for _, days := range Days {
		if at.Sub(now) <= time.Duration(days)*day {
			return days
		}
	}
	return 0
}

// Next is how long it takes until Within says something else, 0 if it never does.
func Next(at, now time.Time) time.Duration {
	left := at.Sub(now)
	if left <= 0 {
		return 0
	}
	next := left // it expires
	for _, days := range Days {
		if step := left - time.Duration(days)*day; step > 0 {
			next = step
		}
	}
	return next
}
