package main

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// skeleton is what can be compared of a plan: everything but what the steps do.
func skeleton(p plan) string {
	for i := range p.rounds {
		for j := range p.rounds[i].actors {
			for k := range p.rounds[i].actors[j].steps {
				p.rounds[i].actors[j].steps[k].do = nil
			}
		}
	}
	p.ending.actors = nil
	return fmt.Sprintf("%+v", p)
}

func TestPlansAreRepeatable(t *testing.T) {
	o := options{seed: 7, restarts: 40}
	for n := range 200 {
		if diff := cmp.Diff(skeleton(drawPlan(o, n)), skeleton(drawPlan(o, n))); diff != "" {
			t.Fatalf("schedule %d is drawn differently: %s", n, diff)
		}
	}
	if skeleton(drawPlan(o, 1)) == skeleton(drawPlan(options{seed: 8, restarts: 40}, 1)) {
		t.Error("another seed draws the same")
	}
}

func TestPlansDiffer(t *testing.T) {
	o := options{seed: 1, restarts: 40}
	befores, afters, restarts, crowds, kills := 0, 0, 0, 0, map[int]bool{}
	for n := range 500 {
		p := drawPlan(o, n)
		for _, r := range append(p.rounds, p.ending) {
			for _, f := range r.points {
				kills[f.effect] = true
				if f.after {
					afters++
				} else {
					befores++
				}
			}
		}
		if p.restart {
			restarts++
		}
		if p.crowd {
			crowds++
		}
	}
	if befores < 100 || afters < 100 || restarts == 0 || crowds == 0 {
		t.Errorf("500 schedules draw %d kills before an effect, %d after one, %d restarts and %d crowds", befores, afters, restarts, crowds)
	}
	for n := 1; n <= 20; n++ {
		if !kills[n] {
			t.Errorf("no failpoint is at side effect %d", n)
		}
	}
}
