package astro

import (
	"errors"
	"sync"
)

// Memory is what the rows of all listings of a process may take up together: those that are being read, and those that directories
// keep between two listings. Each listing is bounded by Options.MaxListing, but anybody who may make connections to a large
// Organization makes any number of them. Who asks for more than there is gets an incomplete listing, and nobody waits: what was known
// before stays, and a row that is missing is not gone.
type Memory struct {
	most int

	mu   sync.Mutex
	used int
	by   map[string]int // by tenant; those that have nothing are not kept
}

// NewMemory makes the memory for listings of at most so many bytes each: two of the largest, with what a directory holds for the
// next one.
func NewMemory(maxListing int) *Memory {
	return &Memory{most: 2 * withNext(maxListing), by: map[string]int{}}
}

// withNext is what a directory holds for rows of so many bytes: a quarter more, in which the next listing is read while these rows
// are there. It has to hold only what differs from them, as a rule little. Held all the time, nobody else can take it meanwhile.
func withNext(rows int) int { return rows + rows/4 }

// Held is how many bytes are held now; 0 where nothing is counted.
func (m *Memory) Held() int {
	if m == nil {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used
}

// Of is the share of a tenant, which is a namespace; empty for whoever runs the operator. Without a memory nothing is counted.
func (m *Memory) Of(tenant string) MemoryShare { return MemoryShare{m, tenant} }

// allowed is how much a tenant may have at the moment. Whoever runs the operator may have all that is left, and a third is kept for
// that whatever the tenants take. Of what the others leave of the rest, a tenant may have three quarters. So one alone has room for
// the largest listing, beside which the operator's own connections still have room for such a one, and there is always something
// left for the next tenant.
func (m *Memory) allowed(tenant string) int {
	if tenant == "" {
		return m.most - (m.used - m.by[tenant])
	}
	own := m.by[""]
	left := m.most - max(own, m.most/3) - (m.used - own - m.by[tenant])
	return left - left/4
}

func (m *Memory) add(tenant string, bytes int) {
	m.used += bytes
	if m.by[tenant] += bytes; m.by[tenant] == 0 {
		delete(m.by, tenant)
	}
}

// MemoryShare is what the connections of one tenant have of the memory together.
type MemoryShare struct {
	memory *Memory
	tenant string
}

var errNoMemory = errors.New("the memory for listings is used up")

// refusal is the error of a listing for which no memory is left. It is the same however much is used.
func (s MemoryShare) refusal(op string) *Error {
	e := incomplete(op, "no memory is left for it: all connections share %d MiB for what they list, of which those of one namespace have a part; "+
		"use fewer connections to large Organizations, or raise --max-listing-mib and the memory limit of the operator", s.memory.most>>20)
	e.final = true
	return e
}

// holding is what one holder has of a share. Without a memory it has whatever it asks for.
type holding struct {
	share MemoryShare
	bytes int
}

// reach makes sure that the holder has so many bytes at least. False: it may not, and has what it had.
func (h *holding) reach(bytes int) bool {
	m := h.share.memory
	if m == nil {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	more := bytes - h.bytes
	if more <= 0 {
		return true
	}
	if m.by[h.share.tenant]+more > m.allowed(h.share.tenant) {
		return false
	}
	m.add(h.share.tenant, more)
	h.bytes = bytes
	return true
}

// set makes it exactly so many bytes: for what is given back, and for what is there already, whether it may be or not.
func (h *holding) set(bytes int) {
	m := h.share.memory
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.add(h.share.tenant, bytes-h.bytes)
	h.bytes = bytes
}

// taken is what the rows of a list take up so far: all of them, and what they have not in common with rows that are known.
type taken struct{ rows, beside int }

// fits asks for the memory of a list of which nothing is known and nothing stays. The first bytes are free.
func (h *holding) fits(free int) func(taken) bool {
	return func(t taken) bool { return h.reach(t.rows - free) }
}
