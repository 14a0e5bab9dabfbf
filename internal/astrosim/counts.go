package astrosim

import (
	"maps"
	"net/http"
	"time"
)

// Counts are the calls since the start or the last reset. A call that got no whole answer counts under status 0.
type Counts struct {
	Total      int                      `json:"total"`
	ByMethod   map[string]int           `json:"byMethod"`
	ByEndpoint map[Endpoint]int         `json:"byEndpoint"`
	ByStatus   map[int]int              `json:"byStatus"`
	Outcomes   map[Endpoint]map[int]int `json:"outcomes"`
	Faults     map[FaultKind]int        `json:"faults"`
	BytesSent  int64                    `json:"bytesSent"`
}

// Writes are the calls that may change something: all but GET.
func (c Counts) Writes() int { return c.Total - c.ByMethod[http.MethodGet] }

func newCounts() Counts {
	return Counts{
		ByMethod: map[string]int{}, ByEndpoint: map[Endpoint]int{}, ByStatus: map[int]int{},
		Outcomes: map[Endpoint]map[int]int{}, Faults: map[FaultKind]int{},
	}
}

// Counts is a copy of the counts.
func (s *Sim) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counts
	c.ByMethod, c.ByEndpoint, c.ByStatus, c.Faults = maps.Clone(c.ByMethod), maps.Clone(c.ByEndpoint), maps.Clone(c.ByStatus), maps.Clone(c.Faults)
	c.Outcomes = make(map[Endpoint]map[int]int, len(s.counts.Outcomes))
	for endpoint, outcomes := range s.counts.Outcomes {
		c.Outcomes[endpoint] = maps.Clone(outcomes)
	}
	return c
}

// UnderWay is how many calls have come in that are not answered yet, and so not counted.
func (s *Sim) UnderWay() int { return int(s.underWay.Load()) }

// ResetCounts starts counting anew.
func (s *Sim) ResetCounts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts = newCounts()
}

func (s *Sim) count(c *call, status, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Total++
	s.counts.ByMethod[c.method]++
	s.counts.ByEndpoint[c.endpoint]++
	s.counts.ByStatus[status]++
	if s.counts.Outcomes[c.endpoint] == nil {
		s.counts.Outcomes[c.endpoint] = map[int]int{}
	}
	s.counts.Outcomes[c.endpoint][status]++
	s.counts.BytesSent += int64(bytes)
}

// RoleWrite is one attempt to write a token's roles, or one change of them by other means.
type RoleWrite struct {
	Time      time.Time `json:"time"`
	TokenID   string    `json:"tokenId"`
	By        string    `json:"by,omitempty"`        // the id of the token that called; empty if out of band
	Requested []Role    `json:"requested,omitempty"` // what the call sent
	Before    []Role    `json:"before"`
	After     []Role    `json:"after"` // as Before if the write was refused
	Status    int       `json:"status"`
	RequestID string    `json:"requestId,omitempty"`
	OutOfBand bool      `json:"outOfBand,omitempty"`
	Cause     string    `json:"cause,omitempty"` // of an out-of-band change, or why a write was refused
}

// Changed says whether the write made a difference.
func (w RoleWrite) Changed() bool { return !sameRoles(w.Before, w.After) }

// Audit is every write of roles in order, refused ones and those out of band included. A write that a fault or a rate
// limit kept from taking place is not in it; one whose answer was dropped is.
func (s *Sim) Audit() []RoleWrite {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]RoleWrite(nil), s.audit...)
}

// ResetAudit forgets the writes and the old reads so far.
func (s *Sim) ResetAudit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.audit, s.oldReads = nil, nil
}

// OldRead is one showing of a token as it was, by the fault stale, while it was otherwise by then.
type OldRead struct {
	Time      time.Time
	RequestID string // the header X-Request-Id of the call, if it had one
	TokenID   string
	Until     time.Time // when what was shown ceased to be so
	Shown     []Role
	Held      []Role // what the token held at that moment
}

// OldReads are all such showings in order, of reads by id and of rows in lists.
func (s *Sim) OldReads() []OldRead {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]OldRead(nil), s.oldReads...)
}
