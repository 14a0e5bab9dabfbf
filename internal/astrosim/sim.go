package astrosim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Options say how the simulated Astro is to be. The zero value answers at once, without rate limits, with every switch
// at its default.
type Options struct {
	// Latency is how long each call takes, half of it before and half after its effect.
	Latency time.Duration
	// Limits are the rate limits; PublishedLimits are Astro's. A zero limit is none.
	Limits Limits
	// Behaviour sets the switches; see Switches.
	Behaviour Behaviour
	// Seed makes ids, faults and shuffles repeatable.
	Seed uint64
	// Now is the clock of timestamps, expiry and limits; time.Now if nil. Latency is real time always.
	Now func() time.Time
	// Record is a folder in which every call and its answer is kept, see Exchange; RecordVariable's if empty.
	Record string
}

// Sim is a simulated Astro. It is an http.Handler, and a server once started. All of its methods may be called at any
// time from any goroutine.
type Sim struct {
	options Options
	key     []byte
	done    chan struct{}
	close   sync.Once
	record  *recorder

	underWay atomic.Int64 // calls

	mu        sync.Mutex // guards all below
	latency   time.Duration
	limits    Limits
	behaviour Behaviour
	state     *state
	start     *state // what Reset goes back to
	rng       *rand.Rand
	limiters  map[string]limiter
	faults    []*armedFault
	faultSeq  uint64
	counts    Counts
	audit     []RoleWrite
	oldReads  []OldRead
	servers   []*http.Server
	standIn   *standIn // nil if it stands in for no host
	url       string
}

// New makes a simulated Astro without any Organization. It panics on a Behaviour that names no choice of its switch, and
// if it cannot record.
func New(options Options) *Sim {
	behaviour, err := options.Behaviour.complete()
	if err != nil {
		panic("astrosim: " + err.Error())
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	record, err := newRecorder(options.Record)
	if err != nil {
		panic("astrosim: " + err.Error())
	}
	return &Sim{
		options: options, record: record, key: []byte(fmt.Sprintf("astrosim-%d", options.Seed)), done: make(chan struct{}),
		latency: options.Latency, limits: options.Limits, behaviour: behaviour, state: newState(),
		rng: rand.New(rand.NewPCG(options.Seed, 0xa57205)), limiters: map[string]limiter{}, counts: newCounts(),
	}
}

// TB is the part of testing.TB that Serve needs.
type TB interface {
	Helper()
	Cleanup(cleanup func())
	Fatalf(format string, args ...any)
}

// Serve starts a simulated Astro for the duration of a test.
func Serve(tb TB, options Options) *Sim {
	tb.Helper()
	s := New(options)
	if _, err := s.Start(); err != nil {
		tb.Fatalf("start the simulated Astro: %v", err)
	}
	tb.Cleanup(s.Close)
	return s
}

// Start serves on a free loopback port and returns the base URL, such as http://127.0.0.1:41234.
func (s *Sim) Start() (string, error) { return s.Listen("127.0.0.1:0") }

// Listen serves on the given address and returns the base URL.
func (s *Sim) Listen(addr string) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return "", fmt.Errorf("listen on %s: %w", addr, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.url = "http://" + listener.Addr().String()
	server := newServer(s)
	s.servers = append(s.servers, server)
	go func() { _ = server.Serve(listener) }()
	return s.url, nil
}

// URL is the base URL once started; the API lies under /v1, the administration under /_sim.
func (s *Sim) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.url
}

// Close stops serving and lets go of every hanging call.
func (s *Sim) Close() {
	s.close.Do(func() { close(s.done) })
	s.mu.Lock()
	servers := s.servers
	s.mu.Unlock()
	for _, server := range servers {
		_ = server.Close()
	}
	s.record.close()
}

// SetBehaviour changes one switch while running.
func (s *Sim) SetBehaviour(name string, value Choice) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.behaviour.Set(name, string(value))
}

// SetLatency changes how long each call takes.
func (s *Sim) SetLatency(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = d
}

// SetLimits changes the rate limits and forgets what was used of them.
func (s *Sim) SetLimits(l Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits, s.limiters = l, map[string]limiter{}
}

// Checkpoint makes the present state the one that Reset goes back to.
func (s *Sim) Checkpoint() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start = s.state.clone()
}

// Reset goes back to the last Checkpoint (or to nothing), and clears faults, counts, audit, old reads and limiters.
func (s *Sim) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = newState()
	if s.start != nil {
		s.state = s.start.clone()
	}
	s.faults, s.counts, s.audit, s.oldReads, s.limiters = nil, newCounts(), nil, nil, map[string]limiter{}
}
