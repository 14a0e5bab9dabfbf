package astrosim

import (
	"bytes"
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// comparer orders two entities by one field.
type comparer[T any] func(a, b T) int

// listing says how a kind of entity is listed.
type listing[T any] struct {
	key    string // of the array in the page
	max    int    // the largest limit; 0: none stated
	sorts  map[string]comparer[T]
	id     func(T) string
	encode func(T) []byte
}

// pageQuery is what a list was asked for.
type pageQuery struct {
	limit, offset int
	sorts         []string
}

// list sorts, hides, pages and encodes the entities that passed the filters.
func list[T any](s *Sim, c *call, l listing[T], items []T, extra ...byte) (answer, *apiError) {
	q, bad := parsePage(s, c.query, l)
	if bad != nil {
		return answer{}, bad
	}
	items = slices.Clone(items)
	s.shuffle(len(items), q, func(i, j int) { items[i], items[j] = items[j], items[i] })
	slices.SortStableFunc(items, l.order(q.sorts))
	total := len(items)
	visible := slices.DeleteFunc(items, func(it T) bool { return c.faults.hidesRow(l.id(it)) })
	if !c.faults.keepsTotal() {
		total = len(visible)
	}
	from := min(max(q.offset+c.faults.shift, 0), len(visible))
	rows := visible[from:min(from+q.limit, len(visible))]
	return ok(encodePage(l, rows, total, q, extra)), nil
}

func encodePage[T any](l listing[T], rows []T, total int, q pageQuery, extra []byte) []byte {
	parts := make([][]byte, 0, len(rows))
	for _, row := range rows {
		parts = append(parts, l.encode(row))
	}
	tail := fmt.Sprintf(`,"totalCount":%d,"limit":%d,"offset":%d}`, total, q.limit, q.offset)
	return slices.Concat([]byte(`{"`+l.key+`":[`), bytes.Join(parts, []byte(",")), []byte("]"), extra, []byte(tail))
}

func (a *appliedFaults) hidesRow(id string) bool {
	return slices.ContainsFunc(a.hide, func(f *armedFault) bool { return f.hides(id) })
}

func (a *appliedFaults) keepsTotal() bool {
	return slices.ContainsFunc(a.hide, func(f *armedFault) bool { return f.KeepTotal })
}

// shuffle applies where no order was asked for and the switch says that there is none.
func (s *Sim) shuffle(n int, q pageQuery, swap func(i, j int)) {
	if len(q.sorts) == 1 && q.sorts[0] == "" {
		s.rng.Shuffle(n, swap)
	}
}

func parsePage[T any](s *Sim, query url.Values, l listing[T]) (pageQuery, *apiError) {
	q := pageQuery{limit: defaultLimit, sorts: query["sorts"]}
	var bad []fieldError
	q.limit, bad = wholeNumber(query, "limit", defaultLimit, bad)
	q.offset, bad = wholeNumber(query, "offset", 0, bad)
	if l.max > 0 && q.limit > l.max {
		bad = append(bad, field("limit", "max", "limit must be at most %d", l.max))
	}
	if q.limit == 0 && s.behaviour.LimitZero == Reject {
		bad = append(bad, field("limit", "min", "limit must be at least 1"))
	}
	if q.limit == 0 && s.behaviour.LimitZero == Default {
		q.limit = defaultLimit
	}
	for _, sort := range q.sorts {
		name, direction, _ := strings.Cut(sort, ":")
		if l.sorts[name] == nil || direction != "asc" && direction != "desc" {
			bad = append(bad, field("sorts", "oneof", "sorts does not take '%s'", sort))
		}
	}
	if len(bad) > 0 {
		return q, invalid(bad...)
	}
	if len(q.sorts) == 0 {
		q.sorts = []string{s.behaviour.DefaultOrder.order()}
	}
	return q, nil
}

const defaultLimit = 20

func (c Choice) order() string {
	switch c {
	case CreatedDesc:
		return "createdAt:desc"
	case ByName:
		return "name:asc"
	case Shuffled:
		return ""
	}
	return "createdAt:asc"
}

func wholeNumber(query url.Values, name string, otherwise int, bad []fieldError) (int, []fieldError) {
	text := query.Get(name)
	if text == "" {
		return otherwise, bad
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return otherwise, append(bad, field(name, "number", "%s must be a whole number", name))
	}
	if n < 0 {
		return otherwise, append(bad, field(name, "min", "%s must be at least 0", name))
	}
	return n, bad
}

func (l listing[T]) order(sorts []string) comparer[T] {
	return func(a, b T) int {
		for _, sort := range sorts {
			name, direction, _ := strings.Cut(sort, ":")
			if name == "" {
				continue
			}
			if order := l.sorts[name](a, b); order != 0 {
				if direction == "desc" {
					order = -order
				}
				return order
			}
		}
		return 0
	}
}

// metaSorts are the orders that every kind of entity has.
func metaSorts[T any](of func(T) *meta) map[string]comparer[T] {
	return map[string]comparer[T]{
		"name":      func(a, b T) int { return cmp.Compare(of(a).name, of(b).name) },
		"createdAt": func(a, b T) int { return of(a).created.Compare(of(b).created) },
		"updatedAt": func(a, b T) int { return of(a).updated.Compare(of(b).updated) },
	}
}
