package main

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// ticks is how many parts /proc divides a second of processor time into; Linux has it fixed.
const ticks = 100

// usage is what an operator has used so far.
type usage struct {
	processor float64 // seconds
	memory    float64 // MiB resident now
	peak      float64 // MiB resident at most, since the last resetPeak
	heap      float64 // MiB of live and dead objects
	requests  map[string]int
	worked    int // reconciles
	waiting   int // in work queues
}

func (o *operator) usage() (usage, error) {
	text, err := get(o.metrics)
	if err != nil {
		return usage{}, err
	}
	samples := parseMetrics(text)
	u := usage{
		requests: samples.by("rest_client_requests_total", "method"),
		worked:   samples.sum("controller_runtime_reconcile_total"),
		waiting:  samples.sum("workqueue_depth") + samples.sum("controller_runtime_active_workers"),
	}
	u.heap = float64(samples.sum("go_memstats_heap_inuse_bytes")) / (1 << 20)
	status, err := os.ReadFile(o.proc("status"))
	if err != nil {
		return u, err
	}
	u.memory, u.peak = mebibytes(string(status), "VmRSS"), mebibytes(string(status), "VmHWM")
	stat, err := os.ReadFile(o.proc("stat"))
	u.processor = processorSeconds(string(stat))
	return u, err
}

// ownProcessor is how many seconds of the processor this process has used.
func ownProcessor() float64 {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	return processorSeconds(string(stat))
}

func (o *operator) proc(file string) string {
	return fmt.Sprintf("/proc/%d/%s", o.command.Process.Pid, file)
}

// resetPeak lets the peak of memory begin with what is resident now.
func (o *operator) resetPeak() error { return os.WriteFile(o.proc("clear_refs"), []byte("5"), 0o200) }

// writes are all requests but reads: patches, and events.
func (u usage) writes() (n int) {
	for method, count := range u.requests {
		if method != http.MethodGet {
			n += count
		}
	}
	return n
}

func (u usage) minus(o usage) usage {
	u.processor -= o.processor
	u.worked -= o.worked
	requests := map[string]int{}
	for method, n := range u.requests {
		requests[method] = n - o.requests[method]
	}
	u.requests = requests
	return u
}

// mebibytes reads a size from /proc/<pid>/status.
func mebibytes(status, name string) float64 {
	for line := range strings.Lines(status) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == name+":" {
			kibibytes, _ := strconv.ParseFloat(fields[1], 64)
			return kibibytes / 1024
		}
	}
	return 0
}

// processorSeconds reads user and system time from /proc/<pid>/stat: the 14th and 15th field, where the second is a name
// in parentheses that may have anything in it.
func processorSeconds(stat string) float64 {
	_, rest, _ := strings.Cut(stat[strings.LastIndex(stat, ")")+1:], " ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / ticks
}
