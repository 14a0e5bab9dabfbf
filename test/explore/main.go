package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

func main() {
	o := options{out: os.Stdout}
	flag.StringVar(&o.only, "scenario", "", "explore the scenarios of these names only, separated by commas")
	flag.IntVar(&o.bound, "bound", 1, "multiply how much of everything may happen")
	flag.Float64Var(&o.seconds, "seconds", 115, "stop after so many seconds")
	flag.IntVar(&o.workers, "workers", 2, "how many states are expanded side by side")
	flag.IntVar(&o.most, "violations", 1, "stop a scenario after so many violations")
	flag.StringVar(&o.replay, "replay", "", "tell a history again: its words, or a file with them")
	flag.BoolVar(&o.verbose, "v", false, "tell more of a history")
	mutations := flag.Bool("mutations", false, "put each fault of mutations/ (or the one that is named) into a copy of the code, and see that it is found")
	flag.Parse()
	debug.SetGCPercent(400) // states are many and small
	var ok bool
	var err error
	switch {
	case o.replay != "":
		err = o.retell()
		ok = err == nil
	case *mutations:
		var root string
		if root, err = repository(); err == nil {
			ok, err = mutate(o.out, root, flag.Arg(0), o.seconds)
		}
	default:
		ok = o.explore()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if !ok {
		os.Exit(1)
	}
}

// options are what is explored, and for how long.
type options struct {
	out     io.Writer
	only    string
	bound   int
	seconds float64
	workers int
	most    int
	replay  string
	verbose bool
}

// explore explores scenarios and prints what was found, and figures. It reports whether all is well.
func (o options) explore() bool {
	begun := time.Now()
	var total found
	end := begun.Add(time.Duration(o.seconds * float64(time.Second)))
	chosen := o.chosen()
	for i, sc := range chosen {
		at := time.Now()
		deadline := at.Add(end.Sub(at) / time.Duration(len(chosen)-i)) // what one leaves the others may use
		x := search{found: found{scenario: sc}, bound: o.bound, most: o.most, deadline: deadline, workers: o.workers}
		f := x.run()
		note := ""
		if !f.complete {
			note = ", not all of it"
		}
		fmt.Fprintf(o.out, "%-12s %8d states, %8d transitions, depth %3d, %d violations, %5.1f s%s\n",
			sc.name, f.states, f.transitions, f.depth, len(f.violations), time.Since(at).Seconds(), note)
		for _, v := range f.violations {
			history := f.history(v.at)
			fmt.Fprintf(o.out, "VIOLATION of %s: %v\n", sc.name, v.cause)
			_ = replay(o.out, sc, o.bound, history, o.verbose)
			fmt.Fprintf(o.out, "    -replay %s\n\n", replayString(sc, o.bound, history))
		}
		total.states += f.states
		total.transitions += f.transitions
		total.depth = max(total.depth, f.depth)
		total.violations = append(total.violations, f.violations...)
	}
	for _, figure := range []struct {
		name  string
		value any
	}{
		{"explore_states", total.states}, {"explore_transitions", total.transitions}, {"explore_depth", total.depth},
		{"explore_violations", len(total.violations)}, {"explore_s", fmt.Sprintf("%.1f", time.Since(begun).Seconds())},
	} {
		fmt.Fprintf(o.out, "%s %v\n", figure.name, figure.value)
	}
	return len(total.violations) == 0
}

// chosen are the scenarios that are explored.
func (o options) chosen() (all []*scenario) {
	for i := range scenarios {
		if o.only == "" || strings.Contains(","+o.only+",", ","+scenarios[i].name+",") {
			all = append(all, &scenarios[i])
		}
	}
	return all
}

// retell tells a history again, from its words or from a file with them.
func (o options) retell() error {
	text := o.replay
	if data, err := os.ReadFile(text); err == nil {
		text = string(data)
	}
	sc, bound, all, err := parseReplay(text)
	if err != nil {
		return err
	}
	return replay(o.out, sc, bound, all, o.verbose)
}
