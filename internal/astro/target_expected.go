package astro

// expected are queries that are about to be asked, in their order. They cost no call of their own: a call that is made
// anyway is filled up with them, and whoever asks soon finds the answer.
type expected struct {
	order   []TargetQuery
	waiting map[TargetQuery]bool // those in order
}

func newExpected() *expected { return &expected{waiting: map[TargetQuery]bool{}} }

func (e *expected) add(q TargetQuery) {
	if !e.waiting[q] {
		e.order, e.waiting[q] = append(e.order, q), true
	}
}

// take removes the first, if it takes no more room than there is in the address of the request.
func (e *expected) take(room int) (q TargetQuery, fits bool) {
	if e == nil || len(e.order) == 0 || e.order[0].bytes() > room {
		return q, false
	}
	q = e.order[0]
	e.order = e.order[1:]
	delete(e.waiting, q)
	return q, true
}
