package astrosim

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"time"
)

// FaultKind names a way to fail.
type FaultKind string

// The kinds of fault.
const (
	FaultServerError  FaultKind = "server-error" // Status (500) with Astro's JSON error; the call has no effect
	FaultHTML         FaultKind = "html"         // Status (502) with a page of a gateway; no effect
	FaultThrottle     FaultKind = "throttle"     // 429 as the switches say, RetryAfter added; no effect
	FaultUnauthorized FaultKind = "unauthorized" // 401, as after a revocation; no effect
	FaultForbidden    FaultKind = "forbidden"    // 403; no effect
	FaultNotFound     FaultKind = "not-found"    // 404 for something that is there; no effect
	FaultHang         FaultKind = "hang"         // no answer until the client gives up, or Delay is over; no effect
	FaultReset        FaultKind = "reset"        // the connection is reset in the middle of the header; no effect
	FaultDrop         FaultKind = "drop"         // the call takes effect, then the connection is reset
	FaultTruncate     FaultKind = "truncate"     // the call takes effect, half of the body arrives
	FaultSlow         FaultKind = "slow"         // the answer comes Delay later
	FaultStale        FaultKind = "stale"        // tokens are read as they were Back (1) changes, or Age, ago
	FaultShift        FaultKind = "shift"        // pages after the first start Shift (1) rows too late, or if negative too early
	FaultHide         FaultKind = "hide"         // lists leave out IDs, or all but the share Keep of rows
	FaultOmitRoles    FaultKind = "omit-roles"   // tokens are read without their roles (of IDs, if given)
)

// FaultKinds are all kinds.
func FaultKinds() []FaultKind {
	return []FaultKind{
		FaultServerError, FaultHTML, FaultThrottle, FaultUnauthorized, FaultForbidden, FaultNotFound, FaultHang, FaultReset,
		FaultDrop, FaultTruncate, FaultSlow, FaultStale, FaultShift, FaultHide, FaultOmitRoles,
	}
}

// Fault is one way to fail, and the calls that it hits. What is left empty matches every call.
type Fault struct {
	Kind     FaultKind `json:"kind"`
	Endpoint Endpoint  `json:"endpoint,omitempty"` // a name or a pattern: tokens.roles, tokens.*, *.list
	Method   string    `json:"method,omitempty"`
	Path     string    `json:"path,omitempty"`   // a part of the path, such as an id
	Caller   string    `json:"caller,omitempty"` // the id of the token that calls

	After       int     `json:"after,omitempty"`       // so many matching calls pass first
	Times       int     `json:"times,omitempty"`       // so many calls are hit; 0: all
	Probability float64 `json:"probability,omitempty"` // of each call, by the seeded generator; 0: certain

	Status     int           `json:"status,omitempty"`
	RetryAfter string        `json:"retryAfter,omitempty"`
	Delay      time.Duration `json:"-"`
	Back       int           `json:"back,omitempty"`
	Age        time.Duration `json:"-"`
	Shift      int           `json:"shift,omitempty"`
	IDs        []string      `json:"ids,omitempty"`
	Keep       float64       `json:"keep,omitempty"`
	KeepTotal  bool          `json:"keepTotal,omitempty"` // hidden rows are still counted in totalCount
}

type plainFault Fault

// faultJSON has the durations as Go spells them: "200ms", "1m".
type faultJSON struct {
	plainFault
	Delay string `json:"delay,omitempty"`
	Age   string `json:"age,omitempty"`
}

// MarshalJSON writes durations as text.
func (f Fault) MarshalJSON() ([]byte, error) {
	return json.Marshal(faultJSON{plainFault(f), durationText(f.Delay), durationText(f.Age)})
}

// UnmarshalJSON reads durations from text.
func (f *Fault) UnmarshalJSON(data []byte) error {
	var read faultJSON
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	*f = Fault(read.plainFault)
	var err error
	if f.Delay, err = parseDuration(read.Delay); err != nil {
		return err
	}
	f.Age, err = parseDuration(read.Age)
	return err
}

func durationText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func parseDuration(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	return time.ParseDuration(text)
}

type armedFault struct {
	Fault
	seq     uint64
	matched int
	hits    int
	rng     *rand.Rand
}

// Inject arms a fault and returns what disarms it. It panics on an unknown kind.
func (s *Sim) Inject(f Fault) (remove func()) {
	if err := f.check(); err != nil {
		panic("astrosim: " + err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faultSeq++
	armed := &armedFault{Fault: f, seq: s.faultSeq, rng: rand.New(rand.NewPCG(s.options.Seed, s.faultSeq))}
	s.faults = append(s.faults, armed)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = without(s.faults, armed)
	}
}

func (f Fault) check() error {
	if !slices.Contains(FaultKinds(), f.Kind) {
		return fmt.Errorf("no fault is of the kind %q", f.Kind)
	}
	if _, err := path.Match(string(f.Endpoint), ""); err != nil {
		return fmt.Errorf("endpoint pattern %q: %w", f.Endpoint, err)
	}
	return nil
}

// ClearFaults disarms every fault.
func (s *Sim) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// matches says whether the call is of those that the fault is for, and such that the fault would show.
func (f *Fault) matches(c *call) bool {
	if f.Endpoint != "" {
		if hit, _ := path.Match(string(f.Endpoint), string(c.endpoint)); !hit {
			return false
		}
	}
	return (f.Method == "" || f.Method == c.method) && strings.Contains(c.path, f.Path) &&
		(f.Caller == "" || c.caller != nil && c.caller.id == f.Caller) && f.shows(c)
}

func (f *Fault) shows(c *call) bool {
	list := strings.HasSuffix(string(c.endpoint), ".list")
	switch f.Kind {
	case FaultStale, FaultOmitRoles:
		return c.endpoint == TokensGet || c.endpoint == TokensList
	case FaultHide:
		return list
	case FaultShift:
		offset := c.query.Get("offset")
		return list && offset != "" && offset != "0"
	}
	return true
}

// strikes counts the call against the fault's limits.
func (f *armedFault) strikes() bool {
	f.matched++
	if f.matched <= f.After || f.Times > 0 && f.hits >= f.Times {
		return false
	}
	if f.Probability > 0 && f.rng.Float64() >= f.Probability {
		return false
	}
	f.hits++
	return true
}
