package main

import (
	"io"
	"strings"
	"testing"
)

// TestScenarios explores as much of each scenario as a test may take.
func TestScenarios(t *testing.T) {
	for i := range scenarios {
		t.Run(scenarios[i].name, func(t *testing.T) {
			var out strings.Builder
			o := options{out: &out, only: scenarios[i].name, bound: 1, seconds: 1, workers: 2, most: 1}
			if !o.explore() {
				t.Error(out.String())
			}
		})
	}
}

// TestReplay follows a history that the search made, and one that cannot be.
func TestReplay(t *testing.T) {
	sc := &scenarios[0]
	s := sc.begin(1)
	var all []action
	for range 20 {
		next, is := s.first()
		if !is {
			break
		}
		all = append(all, next)
		var err error
		if s, err = s.do(next); err != nil {
			t.Fatal(err)
		}
	}
	text := replayString(sc, 1, all)
	again, bound, parsed, err := parseReplay(text)
	if err != nil || again != sc || bound != 1 || len(parsed) != len(all) {
		t.Fatalf("%s was read as %v, %d, %v: %v", text, again, bound, parsed, err)
	}
	var told strings.Builder
	if err := replay(&told, sc, 1, parsed, true); err != nil {
		t.Errorf("%v\n%s", err, told.String())
	}
	if lines := strings.Count(told.String(), "\n"); lines < len(all) {
		t.Errorf("%d lines for %d steps:\n%s", lines, len(all), told.String())
	}
	if err := replay(io.Discard, sc, 1, []action{{astroTakes, 0}}, false); err == nil {
		t.Error("Astro takes a write that nobody sent, and nobody minds")
	}
	for _, wrong := range []string{"", "one/1", "nobody/1/00", "one/x/00", "one/1/0g"} {
		if _, _, _, err := parseReplay(wrong); err == nil {
			t.Errorf("%q is a history", wrong)
		}
	}
}

// TestDeterministic explores a scenario twice, with one worker and with several.
func TestDeterministic(t *testing.T) {
	figures := func(workers int) string {
		var out strings.Builder
		o := options{out: &out, only: "order", bound: 1, seconds: 300, workers: workers, most: 1}
		o.explore()
		kept := ""
		for line := range strings.Lines(out.String()) {
			if strings.HasPrefix(line, "explore_") && !strings.HasPrefix(line, "explore_s ") {
				kept += line
			}
		}
		return kept
	}
	if one, three := figures(1), figures(3); one != three {
		t.Errorf("one worker finds\n%sthree find\n%s", one, three)
	}
}

// TestMutations sees that every fault can be put into the code, and that some that are near the surface are found.
func TestMutations(t *testing.T) {
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	all, err := readMutations(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 12 {
		t.Errorf("there are %d mutations", len(all))
	}
	for _, m := range all {
		if _, err := m.overlay(root, t.TempDir()); err != nil {
			t.Error(err)
		}
	}
	var out strings.Builder
	ok, err := mutate(&out, root, "claim-not-journaled,finalizer-left-out,journal-cleared-unwritten,latest-claim-wins", 20)
	if err != nil || !ok {
		t.Errorf("%v\n%s", err, out.String())
	}
}
