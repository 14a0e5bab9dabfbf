package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const answer = `# HELP rest_client_requests_total Number of HTTP requests, partitioned by status code, method, and host.
# TYPE rest_client_requests_total counter
rest_client_requests_total{code="200",host="127.0.0.1:1",method="GET"} 7
rest_client_requests_total{code="201",host="127.0.0.1:1",method="POST"} 3
rest_client_requests_total{code="409",host="a \"b\", method=\"GET\"}",method="POST"} 1e+00
rest_client_requests_totals{method="GET"} 99
workqueue_depth{controller="token",name="token",priority="0"} 2
workqueue_depth{controller="token",name="token",priority="-50"} 5
go_goroutines 41
broken{ 1
`

func TestParseMetrics(t *testing.T) {
	all := parseMetrics(answer)
	want := map[string]int{"GET": 7, "POST": 4}
	if diff := cmp.Diff(want, all.by("rest_client_requests_total", "method")); diff != "" {
		t.Error(diff)
	}
	if got := all.sum("workqueue_depth"); got != 7 {
		t.Errorf("want 7 waiting, got %d", got)
	}
	if got := all.sum("go_goroutines"); got != 41 {
		t.Errorf("a metric without labels counts; got %d", got)
	}
}

func TestUsage(t *testing.T) {
	before := usage{processor: 1, worked: 2, requests: map[string]int{"GET": 5, "PATCH": 1}}
	after := usage{processor: 3, worked: 9, memory: 70, requests: map[string]int{"GET": 8, "PATCH": 5, "POST": 2}}
	spent := after.minus(before)
	want := usage{processor: 2, worked: 7, memory: 70, requests: map[string]int{"GET": 3, "PATCH": 4, "POST": 2}}
	if diff := cmp.Diff(want, spent, cmp.AllowUnexported(usage{})); diff != "" {
		t.Error(diff)
	}
	if got := spent.writes(); got != 6 {
		t.Errorf("reads are no writes: want 6, got %d", got)
	}
}

func TestProc(t *testing.T) {
	status := "Name:\tmanager\nVmPeak:\t  204800 kB\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\nThreads:\t8\n"
	if got := mebibytes(status, "VmRSS"); got != 10 {
		t.Errorf("want 10 MiB, got %v", got)
	}
	stat := "4711 (man) ager) S 1 4711 4711 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 8 0 100 1000 200\n"
	if got := processorSeconds(stat); got != 3 {
		t.Errorf("want 3 s, got %v", got)
	}
	if name, parent := nameAndParent(stat); name != "man) ager" || parent != 1 {
		t.Errorf("want man) ager of 1, got %q of %d", name, parent)
	}
	if got := processorSeconds(""); got != 0 {
		t.Errorf("of a process that is gone: %v", got)
	}
}
