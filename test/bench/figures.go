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
}

// against is what a figure is compared with: a bound it should keep, or a baseline.
type against struct {
	word  string
	value float64
}

func bound(value float64) against    { return against{"bound", value} }
func baseline(value float64) against { return against{"baseline", value} }

// print writes one figure a line: name, value, unit, what it is held against and the ratio, and notes.
func (f *figures) print(name string, value float64, unit string, than *against, notes ...string) {
	line := []string{"figure", name, number(value), unit}
	if than != nil {
		line = append(line, than.word+"="+number(than.value))
		if than.value != 0 {
			line = append(line, "ratio="+strconv.FormatFloat(value/than.value, 'f', 2, 64))
		}
	}
	fmt.Fprintln(f.out, strings.Join(append(line, notes...), " "))
}

// mustBeZero prints a figure whose only good value is zero.
func (f *figures) mustBeZero(name string, value int, unit string, notes ...string) {
	f.print(name, float64(value), unit, new(bound(0)), notes...)
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
func listed(name string, values []time.Duration) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = number(v.Seconds())
	}
	return name + "=" + strings.Join(texts, ",")
}
