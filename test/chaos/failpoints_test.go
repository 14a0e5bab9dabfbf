package main

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFailpoints(t *testing.T) {
	f := &failpoints{}
	f.arm([]failpoint{{effect: 2}, {effect: 1, after: true}, {effect: 2, what: "astro"}})
	var got []string
	for _, what := range []string{"hold", "hold", "hold", "astro", "hold", "astro", "astro"} {
		kill, after := f.arrive(what)
		got = append(got, fmt.Sprint(kill, after))
	}
	want := []string{"false false", "true false", "true true", "false false", "false false", "true false", "false false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("each counts from the kill before: -want +got\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"before_hold": 1, "after_hold": 1, "before_astro": 1}, f.takeHits()); diff != "" {
		t.Errorf("hits: -want +got\n%s", diff)
	}
	if len(f.takeHits()) > 0 {
		t.Error("hits are counted twice")
	}
}
