package main

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// programs is how many seconds of the processor each program of the bench has used: the bench itself, in which the simulated
// Astro and the watch that sees what is Ready run, and what it started (etcd, kube-apiserver, manager).
type programs map[string]float64

// programsNow reads what they have used so far. One that has ended is not in it.
func programsNow() programs {
	own := os.Getpid()
	all := programs{"bench": ownProcessor()}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has just ended
		}
		if name, parent := nameAndParent(string(stat)); parent == own {
			all[name] += processorSeconds(string(stat))
		}
	}
	return all
}

// minus is what they used since.
func (p programs) minus(o programs) programs {
	since := programs{}
	for name, seconds := range p {
		since[name] = seconds - o[name]
	}
	return since
}

// printPrograms prints what all of them used in a scenario, and each of them, beside what the machine has: where they come
// near that, it is the machine that bounds the scenario.
func (b *bench) printPrograms(scenario string, all programs, took time.Duration) {
	notes, sum := []string{}, 0.0
	for name, seconds := range all {
		notes = append(notes, name+"="+number(seconds))
		sum += seconds
	}
	slices.Sort(notes)
	has := took.Seconds() * float64(runtime.NumCPU())
	b.figures.print(figure{name: scenario + "_all_programs_s", value: sum, unit: "s", bound: &has, notes: notes})
}

// nameAndParent are the second and the fourth field of /proc/<pid>/stat: a name in parentheses, and a process id.
func nameAndParent(stat string) (name string, parent int) {
	begin, end := strings.Index(stat, "("), strings.LastIndex(stat, ")")
	if begin < 0 || end < begin {
		return "", 0
	}
	if fields := strings.Fields(stat[end+1:]); len(fields) > 1 {
		parent, _ = strconv.Atoi(fields[1])
	}
	return stat[begin+1 : end], parent
}
