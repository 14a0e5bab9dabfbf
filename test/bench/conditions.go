package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// printConditions says under which the figures came about.
func (b *bench) printConditions() {
	limits := astrosim.PublishedLimits()
	fmt.Printf("# %s, %d cores (%s), %s\n", time.Now().UTC().Format(time.DateTime), runtime.NumCPU(), processor(), runtime.Version())
	fmt.Printf("# astro: latency %s, %d GET/s, %d POST/s; seed %d; commit %s\n", b.latency, limits.Get, limits.Post, b.seed, commit())
	fmt.Printf("# times are in wall-clock seconds; %s\n", loadLine())
}

// loadLine says how busy the machine is with other things than this: on a shared machine times are upper bounds.
func loadLine() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "load unknown"
	}
	return "load average " + strings.Join(strings.Fields(string(data))[:3], " ")
}

func processor() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "processor unknown"
	}
	for line := range strings.Lines(string(data)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "processor unknown"
}

// commit is the short id of the commit, with a mark if files differ from it.
func commit() string {
	id, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	dirty := ""
	if status, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no").Output(); err == nil && len(status) > 0 {
		dirty = " with changes"
	}
	return string(bytes.TrimSpace(id)) + dirty
}
