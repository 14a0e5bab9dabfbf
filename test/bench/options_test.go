package main

import (
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSize(t *testing.T) {
	if got, err := parseSize("1000/100"); err != nil || got != (size{1000, 100}) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{"", "50", "50/", "/5", "5/50", "50/0", "a/b", "50/5/1"} {
		if _, err := parseSize(text); err == nil {
			t.Errorf("%q passes for a size", text)
		}
	}
}

func TestParse(t *testing.T) {
	o, err := parse([]string{"--parts=sizes,fairness", "--sizes=20/2"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.has(partCLI) || !o.has(partFairness) {
		t.Errorf("parts are %v", o.parts)
	}
	if diff := cmp.Diff([]size{{20, 2}}, o.sizes, cmp.AllowUnexported(size{})); diff != "" {
		t.Error(diff)
	}
	for _, args := range [][]string{{"--parts=all"}, {"--sizes=1"}, {"more"}, {"--repeat=0"}} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("%v passes", args)
		}
	}
}
