package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// How much more there may be at the end than after the first quarter, since what happened last was not the same.
const (
	moreBytes      = 16 << 10 // of one site of the operator,
	moreOfLibrary  = 32 << 10 // or of the libraries, which it reaches through many ways, and
	moreOfSite     = 1.3      // times as much
	moreHeap       = 1.1
	moreGoroutines = 6
	moreSeries     = 6
)

// outcomes are metrics that tell how calls went, and how many series each has at most: not all are there from the beginning.
var outcomes = map[string]int{"scopedtoken_astro_requests_total": 120}

// pooled is what a connection runs that is kept for the next call, on either side of it, and how many of each may be there:
// a busy moment leaves more of them than a quiet one.
var pooled = map[string]int{"net/http.(*conn).serve": 40, "net/http.(*persistConn).readLoop": 40, "net/http.(*persistConn).writeLoop": 40}

// compare prints what was measured, and says what grew.
func compare(before, after state, printf func(string, ...any), verbose bool) error {
	if verbose {
		for _, site := range bySize(before, after)[:20] {
			printf("# %s: %s, then %s", site, before.sites[site], after.sites[site])
		}
	}
	printf("figure soak-heap-growth %.3f ratio before=%d after=%d bytes goal=%.2f",
		float64(after.heap.bytes)/float64(before.heap.bytes), before.heap.bytes, after.heap.bytes, moreHeap)
	printf("figure soak-goroutine-growth %d goroutines before=%d after=%d goal=%d but for connections that are kept",
		moreRunning(before, after), before.goroutines, after.goroutines, moreGoroutines)
	printf("figure soak-series-growth %d series before=%d after=%d goal=%d a metric",
		sum(after.series)-sum(before.series), sum(before.series), sum(after.series), moreSeries)
	printf("figure soak-queued %.0f keys goal=0", queued(after))
	var faults []error
	if float64(after.heap.bytes) > moreHeap*float64(before.heap.bytes) {
		faults = append(faults, fmt.Errorf("the operator's heap grew from %s to %s", before.heap, after.heap))
	}
	faults = append(faults, grownSites(before, after)...)
	if moreRunning(before, after) > moreGoroutines {
		faults = append(faults, fmt.Errorf("goroutines grew from %d to %d: %s", before.goroutines, after.goroutines, grown(before.stacks, after.stacks, 1)))
	}
	for name, most := range outcomes {
		if after.series[name] <= most {
			before.series[name] = after.series[name]
		}
	}
	if more := grown(before.series, after.series, moreSeries); more != "" {
		faults = append(faults, fmt.Errorf("metric series grew: %s", more))
	}
	if n := queued(after); n > 0 {
		faults = append(faults, fmt.Errorf("%.0f keys wait in work queues: %v", n, after.queued))
	}
	return errors.Join(faults...)
}

// moreRunning is how many goroutines there are more, but for those of pooled.
func moreRunning(before, after state) int {
	more := after.goroutines - before.goroutines
	for name, most := range pooled {
		if after.stacks[name] <= most {
			more -= after.stacks[name] - before.stacks[name]
		}
	}
	return more
}

// grownSites are those that hold more, the worst first.
func grownSites(before, after state) []error {
	var faults []error
	for _, site := range bySize(before, after) {
		was, is, more := before.sites[site], after.sites[site], int64(moreBytes)
		if strings.Contains(site, ".io/") {
			more = moreOfLibrary
		}
		if is.bytes-was.bytes > more && float64(is.bytes) > moreOfSite*float64(was.bytes) {
			faults = append(faults, fmt.Errorf("memory allocated by %s grew from %s to %s", site, was, is))
		}
	}
	return faults
}

// bySize are the sites of memory, first those that grew most.
func bySize(before, after state) []string {
	return slices.SortedFunc(maps.Keys(after.sites), func(a, b string) int {
		return cmp.Compare(after.sites[b].bytes-before.sites[b].bytes, after.sites[a].bytes-before.sites[a].bytes)
	})
}

// grown names what grew by more than a number.
func grown(before, after map[string]int, by int) string {
	var more []string
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if after[name]-before[name] > by {
			more = append(more, fmt.Sprintf("%s from %d to %d", name, before[name], after[name]))
		}
	}
	return strings.Join(more, "; ")
}

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

func queued(s state) (n float64) {
	for _, depth := range s.queued {
		n += depth
	}
	return n
}
