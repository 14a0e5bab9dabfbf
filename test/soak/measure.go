package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// state is what may grow.
type state struct {
	sites      map[string]memory // of the operator, by the function that allocated it
	heap       memory            // of all sites together
	goroutines int
	stacks     map[string]int // goroutines by where they began
	queued     map[string]float64
	series     map[string]int // by metric
}

// memory is what is in use.
type memory struct{ bytes, objects int64 }

// measure looks at the operator at rest, with nothing but the usual population to care for.
func (w *world) measure(ctx context.Context) (state, error) {
	if err := w.home(ctx); err != nil {
		return state{}, err
	}
	time.Sleep(time.Second) // connections that idle, timers that run out
	for range 3 {
		runtime.GC() // the profile is that of two collections ago
	}
	s := state{sites: map[string]memory{}, goroutines: runtime.NumGoroutine(), stacks: goroutines(), queued: map[string]float64{}, series: map[string]int{}}
	for _, r := range profile() {
		site := siteOf(r.Stack())
		if site == "" {
			continue
		}
		m, n := s.sites[site], memory{r.InUseBytes(), r.InUseObjects()}
		s.sites[site] = memory{m.bytes + n.bytes, m.objects + n.objects}
		s.heap = memory{s.heap.bytes + n.bytes, s.heap.objects + n.objects}
	}
	families, err := metrics.Registry.Gather()
	for _, f := range families {
		s.series[f.GetName()] = len(f.GetMetric())
		for _, m := range f.GetMetric() {
			if f.GetName() == "workqueue_depth" {
				s.queued[label(m, "name")] += m.GetGauge().GetValue()
			}
		}
	}
	return s, err
}

func profile() []runtime.MemProfileRecord {
	for size := 1000; ; size *= 2 {
		records := make([]runtime.MemProfileRecord, size)
		if n, ok := runtime.MemProfile(records, false); ok {
			return records[:n]
		}
	}
}

const module = "github.com/scopedtoken/scopedtoken-operator/internal/"

// siteOf names the function of the operator that allocated something, or the library's on its behalf; "" for what is
// the simulator's or the test's own, and for events, which client-go keeps for six minutes to fold what follows.
func siteOf(stack []uintptr) string {
	library := ""
	for frames := runtime.CallersFrames(stack); ; {
		frame, more := frames.Next()
		name := frame.Function
		switch {
		case strings.HasPrefix(name, module+"astrosim"), strings.HasPrefix(name, "main."), strings.Contains(name, "client-go/tools/events"):
			return ""
		case strings.HasPrefix(name, module):
			return strings.TrimPrefix(name, module)
		case library == "" && (strings.HasPrefix(name, "sigs.k8s.io/controller-runtime") || strings.HasPrefix(name, "k8s.io/client-go")):
			library = name
		}
		if !more {
			return library
		}
	}
}

// goroutines counts them by the function that they run.
func goroutines() map[string]int {
	records := make([]runtime.StackRecord, 4*runtime.NumGoroutine())
	n, _ := runtime.GoroutineProfile(records)
	counts := map[string]int{}
	for _, r := range records[:n] {
		last := ""
		for frames := runtime.CallersFrames(r.Stack()); ; {
			frame, more := frames.Next()
			if frame.Function != "runtime.goexit" {
				last = frame.Function
			}
			if !more {
				break
			}
		}
		counts[last]++
	}
	return counts
}

// busy reports whether a controller works or has work waiting.
func busy() bool {
	families, err := metrics.Registry.Gather()
	if err != nil {
		return true
	}
	for _, f := range families {
		if name := f.GetName(); name != "workqueue_depth" && name != "controller_runtime_active_workers" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetGauge().GetValue() > 0 {
				return true
			}
		}
	}
	return false
}

func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

// String tells how much it is.
func (m memory) String() string { return fmt.Sprintf("%d bytes in %d objects", m.bytes, m.objects) }
