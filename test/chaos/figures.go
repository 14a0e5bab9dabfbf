package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// promise names a kind of broken promise, as the figures name it.
type promise string

const (
	lost     promise = "lost"            // declared, and not in Astro
	foreign  promise = "foreign_touched" // changed, and declared by nobody
	leaked   promise = "leaked"          // let go, and still in Astro
	wrong    promise = "wrong_status"    // said what is not so
	restless promise = "restless"        // written over and over while all is as declared
	needless promise = "needless_writes" // written once, and nothing changed: a price, no broken promise
	stuck    promise = "stuck"           // deleted, and still there
	secret   promise = "secrets_told"    // a credential where it must not be
	crashed  promise = "crashes"         // ended by a panic or a data race

	undone promise = "undone_by_old_reads" // put back as an old read showed it, although the operator could tell

	untold promise = "untold" // changed, and not in the audit log as it was, or told there and never done

	leftBehind promise = "left_by_vanished" // left by a binding that vanished, as the operator could know
)

// promises are those kinds in the order of the figures.
var promises = []promise{lost, foreign, leaked, wrong, stuck, secret, crashed, restless, undone, leftBehind, untold}

// figures are what a run counts.
type figures struct {
	out  io.Writer
	opts options

	mu       sync.Mutex
	started  time.Time
	done     int
	failing  []int
	slowest  time.Duration
	counts   map[string]int
	problems map[promise]int
	broken   map[promise][]int // the schedules
}

func newFigures(out io.Writer, o options) *figures {
	return &figures{out: out, opts: o, started: time.Now(), counts: map[string]int{}, problems: map[promise]int{}, broken: map[promise][]int{}}
}

func (f *figures) add(name string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts[name] += n
}

// finished takes in a schedule.
func (f *figures) finished(w *world, took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done++
	f.slowest = max(f.slowest, took)
	for _, p := range w.problems() {
		f.problems[p.kind]++
		if !slices.Contains(f.broken[p.kind], w.plan.number) {
			f.broken[p.kind] = append(f.broken[p.kind], w.plan.number)
		}
	}
	if len(w.problems()) > 0 {
		f.failing = append(f.failing, w.plan.number)
	}
}

// enough says whether so many schedules failed that going on would tell nothing new.
func (f *figures) enough() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.failing) >= f.opts.giveUp || f.opts.limit > 0 && time.Since(f.started) > f.opts.limit
}

func (f *figures) printConditions() {
	fmt.Fprintf(f.out, "# seed %d, %d schedules, %d lanes, %d cores of %s/%s, %s\n",
		f.opts.seed, f.opts.schedules, f.opts.lanes, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, load())
}

// print writes the figures, one a line.
func (f *figures) print() {
	f.mu.Lock()
	defer f.mu.Unlock()
	took := time.Since(f.started)
	f.line("schedules", f.done, "schedules", fmt.Sprintf("seed=%d", f.opts.seed))
	f.line("duration", int(took.Seconds()), "s", fmt.Sprintf("slowest=%.1fs", f.slowest.Seconds()), load())
	for _, kind := range astrosim.FaultKinds() {
		f.counts["fault_"+string(kind)] += 0
	}
	for _, name := range slices.Sorted(maps.Keys(f.counts)) {
		if name == string(needless) {
			continue
		}
		f.line(name, f.counts[name], "times")
	}
	f.line(string(needless), f.counts[string(needless)], "times")
	for _, p := range promises {
		notes := []string{"bound=0"}
		if f.problems[p] > 0 {
			notes = append(notes, fmt.Sprintf("schedules=%v", f.broken[p]))
		}
		f.line(string(p), f.problems[p], "times", notes...)
	}
}

// printf prints what is no figure.
func (f *figures) printf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fmt.Fprintf(f.out, format, args...)
}

func (f *figures) line(name string, value int, unit string, notes ...string) {
	fmt.Fprintln(f.out, strings.Join(append([]string{"figure", name, strconv.Itoa(value), unit}, notes...), " "))
}

func (f *figures) failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.failing) > 0 {
		return fmt.Errorf("promises were broken in schedules %v; replay one with make chaos SEED=%d SCHEDULE=%d", f.failing, f.opts.seed, f.failing[0])
	}
	if f.done == 0 {
		return errors.New("no schedule was run")
	}
	return nil
}

func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "load unknown"
	}
	return "load " + strings.Join(strings.Fields(string(text))[:3], " ")
}
