package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// figures prints what is measured and remembers what must not have happened.
type figures struct {
	out    io.Writer
	faults []string
	goals  []figure
}

// figure is one thing measured, and what it is held against.
type figure struct {
	name  string
	value float64
	unit  string
	// bound is what there is no way around, and ratio the value's to it.
	bound *float64
	// baseline is what somebody else takes.
	baseline *float64
	// goal is what the value is not to exceed.
	goal  *float64
	notes []string
}

// print writes one figure a line: name, value, unit, what it is held against and the ratio, the goal, and notes.
func (f *figures) print(it figure) {
	fmt.Fprintln(f.out, it)
	if it.goal != nil {
		f.goals = append(f.goals, it)
	}
}

// String is the line of the figure.
func (it figure) String() string {
	line := []string{"figure", it.name, number(it.value), it.unit}
	for _, than := range []struct {
		word  string
		value *float64
	}{{"bound", it.bound}, {"baseline", it.baseline}} {
		if than.value == nil {
			continue
		}
		line = append(line, than.word+"="+number(*than.value))
		if *than.value != 0 {
			line = append(line, "ratio="+strconv.FormatFloat(it.value/(*than.value), 'f', 2, 64))
		}
	}
	if it.goal != nil {
		line = append(line, "goal="+number(*it.goal), it.verdict())
	}
	return strings.Join(append(line, it.notes...), " ")
}

func (it figure) verdict() string {
	if it.value <= *it.goal {
		return "met"
	}
	return "missed"
}

// mustBeZero prints a figure whose only good value is zero.
func (f *figures) mustBeZero(name string, value int, unit string, notes ...string) {
	f.print(figure{name: name, value: float64(value), unit: unit, goal: new(0.0), notes: notes})
	if value != 0 {
		f.faults = append(f.faults, fmt.Sprintf("%s is %d", name, value))
	}
}

// failed is an error if something happened that must not.
func (f *figures) failed() error {
	if len(f.faults) == 0 {
		return nil
	}
	return fmt.Errorf("this must not be: %s", strings.Join(f.faults, ", "))
}

// printGoals says how many goals were met, and repeats the figures that missed theirs.
func (f *figures) printGoals() {
	missed := slices.DeleteFunc(slices.Clone(f.goals), func(it figure) bool { return it.verdict() == "met" })
	fmt.Fprintf(f.out, "# goals: %d of %d met\n", len(f.goals)-len(missed), len(f.goals))
	for _, it := range missed {
		fmt.Fprintf(f.out, "# missed: %s is %s %s, the goal %s\n", it.name, number(it.value), it.unit, number(*it.goal))
	}
}

// number prints whole numbers without a point, and others with three digits after it.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

// percentile is the smallest of the values that at least p of 100 do not exceed (nearest rank).
func percentile(values []time.Duration, p float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// listed is a note with every value that a figure was chosen from.
func listed(name string, values ...time.Duration) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = number(v.Seconds())
	}
	return name + "=" + strings.Join(texts, ",")
}
