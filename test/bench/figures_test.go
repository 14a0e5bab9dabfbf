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

func TestFigureLines(t *testing.T) {
	cases := map[string]struct {
		reason string
		figure figure
		want   string
	}{
		"Plain":    {"A figure alone.", figure{name: "cli_failed", value: 33, unit: "commands"}, "figure cli_failed 33 commands"},
		"Bound":    {"The ratio is the value's to the bound.", figure{name: "t", value: 2.31, unit: "s", bound: new(3.0)}, "figure t 2.310 s bound=3 ratio=0.77"},
		"NoRatio":  {"There is no ratio to zero.", figure{name: "t", unit: "writes", bound: new(0.0)}, "figure t 0 writes bound=0"},
		"Baseline": {"What others take.", figure{name: "calls", value: 10, unit: "calls", baseline: new(150.0)}, "figure calls 10 calls baseline=150 ratio=0.07"},
		"Met":      {"A goal is met by its very value.", figure{name: "t", value: 5, unit: "s", goal: new(5.0)}, "figure t 5 s goal=5 met"},
		"Missed": {
			"Notes come last.", figure{name: "t", value: 6, unit: "s", bound: new(4.0), goal: new(5.0), notes: []string{"of=9"}},
			"figure t 6 s bound=4 ratio=1.50 goal=5 missed of=9",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.figure.String()); diff != "" {
				t.Errorf("%s\n%s", tc.reason, diff)
			}
		})
	}
}

func TestFigures(t *testing.T) {
	var out bytes.Buffer
	f := &figures{out: &out}
	f.print(figure{name: "ready_50", value: 4, unit: "s", goal: new(3.0)})
	f.mustBeZero("lost_50", 0, "roles")
	if err := f.failed(); err != nil {
		t.Errorf("a missed goal is no failure, and nothing lost is none: %v", err)
	}
	f.printGoals()
	want := "figure ready_50 4 s goal=3 missed\nfigure lost_50 0 roles goal=0 met\n" +
		"# goals: 1 of 2 met\n# missed: ready_50 is 4 s, the goal 3\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	f.mustBeZero("lost_1000", 2, "roles")
	if f.failed() == nil {
		t.Error("two lost roles are a failure")
	}
}
