package main

import (
	"context"
	"fmt"
	"time"
)

// spent is what a scenario took of everything.
type spent struct {
	took  time.Duration // as the scenario itself counts it
	calls calls
	used  usage
}

// spend runs a scenario, lets the operator come to rest, and adds up. If no operator runs yet, the scenario starts one.
func (w *world) spend(ctx context.Context, scenario func() (time.Duration, error)) (s spent, err error) {
	var before usage
	if w.operator != nil {
		if before, err = w.operator.usage(); err != nil {
			return s, err
		}
		if err := w.operator.resetPeak(); err != nil {
			return s, err
		}
	}
	callsBefore := w.calls()
	if s.took, err = scenario(); err != nil {
		return s, err
	}
	if _, err := w.rest(ctx); err != nil {
		return s, err
	}
	after, err := w.operator.usage()
	s.calls, s.used = w.calls().minus(callsBefore), after.minus(before)
	return s, err
}

// expectation is what a scenario should take: what there is no way around, and the goals. What is nil is not held
// against anything.
type expectation struct {
	time, timeGoal       time.Duration // zero: none
	gets, posts, patches *float64
	getsGoal, postsGoal  *float64
	notes                []string // of the time
}

// printSpent prints the figures of a scenario, and takes them down for the tables.
func (b *bench) printSpent(scenario string, s size, it spent, e expectation) {
	b.table.add(scenario, s, it, e)
	name := func(what string) string { return scenario + "_" + s.suffix() + "_" + what }
	requests := it.used.requests
	for _, f := range []figure{
		{name: name("s"), value: it.took.Seconds(), unit: "s", bound: seconds(e.time), goal: seconds(e.timeGoal), notes: e.notes},
		{name: name("astro_get"), value: float64(it.calls.gets), unit: "calls", bound: e.gets, goal: e.getsGoal, notes: it.calls.notes()},
		{name: name("astro_post"), value: float64(it.calls.posts + it.calls.others), unit: "calls", bound: e.posts, goal: e.postsGoal},
		{name: name("astro_kib"), value: it.calls.kibibytes(), unit: "KiB"},
		{name: name("kube_get"), value: float64(requests["GET"]), unit: "requests"},
		{name: name("kube_patch"), value: float64(requests["PATCH"]), unit: "requests", bound: e.patches},
		{name: name("kube_post"), value: float64(it.used.writes() - requests["PATCH"]), unit: "requests"},
		{name: name("cpu_s"), value: it.used.processor, unit: "s", notes: []string{fmt.Sprintf("reconciles=%d", it.used.worked)}},
		{name: name("rss_mib"), value: it.used.memory, unit: "MiB"},
		{name: name("rss_peak_mib"), value: it.used.peak, unit: "MiB"},
	} {
		b.figures.print(f)
	}
}

// seconds is the duration for a figure, nil if there is none.
func seconds(d time.Duration) *float64 {
	if d == 0 {
		return nil
	}
	return new(d.Seconds())
}

// try runs steps until one fails.
func try(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
