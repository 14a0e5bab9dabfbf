package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100-i) * time.Millisecond // 100 ms down to 1 ms
	}
	cases := map[string]struct {
		reason string
		values []time.Duration
		p      float64
		want   time.Duration
	}{
		"None":       {"Nothing measured is no time.", nil, 50, 0},
		"One":        {"One value is every percentile.", []time.Duration{7}, 99, 7},
		"OddMedian":  {"The median of three is the middle one, in whatever order they come.", []time.Duration{9, 1, 4}, 50, 4},
		"EvenMedian": {"Nearest rank takes a value that was measured.", []time.Duration{4, 1, 9, 2}, 50, 2},
		"P50":        {"Half of a hundred do not exceed the fiftieth.", hundred, 50, 50 * time.Millisecond},
		"P99":        {"One of a hundred may exceed the 99th.", hundred, 99, 99 * time.Millisecond},
		"P100":       {"The hundredth is the longest.", hundred, 100, 100 * time.Millisecond},
		"P0":         {"There is no rank before the first.", hundred, 0, time.Millisecond},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := percentile(tc.values, tc.p); got != tc.want {
				t.Errorf("%s\nwant %s, got %s", tc.reason, tc.want, got)
			}
		})
	}
}

func TestFigures(t *testing.T) {
	var out bytes.Buffer
	f := &figures{out: &out}
	f.print("ready_50", 2.31, "s", new(bound(3)), "runs=2.31")
	f.print("idle_astro_writes", 0, "writes", new(bound(0)))
	f.print("cli_failed", 33, "commands", nil)
	f.print("calls", 10, "calls", new(baseline(150)))
	want := "figure ready_50 2.310 s bound=3 ratio=0.77 runs=2.31\nfigure idle_astro_writes 0 writes bound=0\n" +
		"figure cli_failed 33 commands\nfigure calls 10 calls baseline=150 ratio=0.07\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	if err := f.failed(); err != nil {
		t.Errorf("a figure over its bound is no failure: %v", err)
	}
	f.mustBeZero("lost_50", 0, "roles")
	if err := f.failed(); err != nil {
		t.Errorf("nothing lost is no failure: %v", err)
	}
	f.mustBeZero("lost_1000", 2, "roles")
	if f.failed() == nil {
		t.Error("two lost roles are a failure")
	}
}

func TestParseSize(t *testing.T) {
	if got, err := parseSize("1000/100"); err != nil || got != (size{1000, 100}) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{"", "50", "50/", "/5", "5/50", "50/0", "a/b", "50/5/1"} {
		if _, err := parseSize(text); err == nil {
			t.Errorf("%q passes for a size", text)
		}
	}
}
