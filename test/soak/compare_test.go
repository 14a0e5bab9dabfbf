package main

import (
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	start := func() state {
		return state{
			sites: map[string]memory{"token.(*ownWrites).expect": {16 << 10, 1}, "astro.readRows": {200 << 10, 900}}, heap: memory{1 << 20, 9000},
			goroutines: 190, stacks: map[string]int{"worker": 16}, queued: map[string]float64{"token": 0},
			series: map[string]int{"scopedtoken_connection_ready": 6, "scopedtoken_astro_requests_total": 11},
		}
	}
	cases := map[string]struct {
		reason string
		grow   func(*state)
		want   string // "" for no fault
	}{
		"Same":        {"Nothing grew.", func(*state) {}, ""},
		"Breath":      {"A little more of something is what happened last.", func(s *state) { s.sites["astro.readRows"] = memory{210 << 10, 950} }, ""},
		"Site":        {"A map that doubles holds what should be gone.", func(s *state) { s.sites["token.(*ownWrites).expect"] = memory{40 << 10, 1} }, "token.(*ownWrites).expect"},
		"NewSite":     {"What was not there at all before counts too.", func(s *state) { s.sites["astro.leak"] = memory{17 << 10, 300} }, "astro.leak"},
		"Heap":        {"Many small leaks make a large one.", func(s *state) { s.heap.bytes += s.heap.bytes / 8 }, "heap grew"},
		"Goroutines":  {"Those that never end are named.", func(s *state) { s.goroutines, s.stacks["forgotten"] = 210, 20 }, "forgotten from 0 to 20"},
		"Kept":        {"A busy moment leaves connections for the next call.", func(s *state) { s.goroutines, s.stacks["net/http.(*conn).serve"] = 200, 10 }, ""},
		"NotKept":     {"But not as many as there are calls.", func(s *state) { s.goroutines, s.stacks["net/http.(*conn).serve"] = 290, 100 }, "serve from 0 to 100"},
		"Series":      {"Objects that are gone leave their series.", func(s *state) { s.series["scopedtoken_connection_ready"] = 25 }, "scopedtoken_connection_ready from 6 to 25"},
		"Outcomes":    {"An outcome that was not seen before is no leak.", func(s *state) { s.series["scopedtoken_astro_requests_total"] = 24 }, ""},
		"TooManyOf":   {"But they are few.", func(s *state) { s.series["scopedtoken_astro_requests_total"] = 200 }, "scopedtoken_astro_requests_total"},
		"WorkWaiting": {"At rest nothing waits.", func(s *state) { s.queued["token"] = 3 }, "3 keys wait"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			after := start()
			tc.grow(&after)
			err := compare(start(), after, func(string, ...any) {}, false)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("%s want %q, got %v", tc.reason, tc.want, err)
			}
		})
	}
}
