package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// printLoad prints the figures of a size: the median of times, the most of writes, the sum of losses, the last of others.
func (b *bench) printLoad(how string, s size, outcomes []outcome, alone alone) {
	suffix := fmt.Sprintf("_%d", s.bindings)
	if how == cold {
		suffix = "_cold" + suffix
	}
	last := outcomes[len(outcomes)-1]
	var ready, applied []time.Duration
	lost, others, writes := 0, 0, 0
	for _, o := range outcomes {
		ready, applied = append(ready, o.ready), append(applied, o.applied)
		lost, others, writes = lost+o.lost, others+o.othersLost, max(writes, o.mostWrites)
	}
	fmt.Fprintln(b.figures.out, "#", s, how)
	b.figures.mustBeZero("lost"+suffix, lost, "roles")
	b.figures.mustBeZero("others_lost"+suffix, others, "roles")
	b.figures.print("ready"+suffix, percentile(ready, 50).Seconds(), "s", new(bound(b.goal(s, alone).Seconds())),
		listed("runs", ready), listed("applied_in", applied), listed("alone_2_writes", []time.Duration{alone.writes}))
	if s == baselineSize && b.cli > 0 {
		b.figures.print("ready"+suffix+"_and_cli", percentile(ready, 50).Seconds(), "s", new(baseline(b.cli.Seconds())))
	}
	b.figures.print("calls"+suffix, float64(last.calls.total()), "calls", new(bound(float64(fewest(s)))), last.calls.notes()...)
	b.figures.print("writes_per_token_max"+suffix, float64(writes), "writes", new(bound(2)))
	b.printKubernetes(suffix, s, last.used)
}

func (b *bench) printKubernetes(suffix string, s size, used usage) {
	per := float64(s.bindings)
	for _, method := range slices.Sorted(maps.Keys(used.requests)) {
		var than *against
		if method == "PATCH" {
			than = new(bound(2))
		}
		b.figures.print("kubernetes_"+strings.ToLower(method)+"_per_binding"+suffix, float64(used.requests[method])/per, "requests", than)
	}
	b.figures.print("reconciles_per_binding"+suffix, float64(used.worked)/per, "reconciles", nil)
	b.figures.print("manager_memory"+suffix, used.memory, "MiB", nil, fmt.Sprintf("peak=%s", number(used.peak)))
	b.figures.print("manager_processor"+suffix, used.processor, "s", nil, fmt.Sprintf("ms_per_binding=%s", number(used.processor/per*1000)))
}

// fewest is how few calls grant the roles of a size: a read and a write a token, and the targets by a hundred names a call.
func fewest(s size) int { return 2*s.tokens + (s.bindings+99)/100 }

// goal is what design and bounds ask of a size: under three seconds for a small one, and for others at most a quarter more
// than the larger of what Astro's limit and the API server leave no way around.
func (b *bench) goal(s size, alone alone) time.Duration {
	if s.bindings <= small {
		return 3 * time.Second
	}
	return max(throttled(s), alone.writes) * 5 / 4
}
