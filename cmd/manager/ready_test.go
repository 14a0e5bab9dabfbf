package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestCheckReady(t *testing.T) {
	cases := map[string]struct {
		reason  string
		answers []int // one after the other, the last one again and again
		want    string
	}{
		"Ready":   {"It says so at once.", []int{http.StatusOK}, ""},
		"Becomes": {"Its caches fill within seconds.", []int{http.StatusInternalServerError, http.StatusInternalServerError, http.StatusOK}, ""},
		"Not":     {"It may never see what it works on. Its words are passed on.", []int{http.StatusInternalServerError}, `500 Internal Server Error: "caches failed"`},
		"Other":   {"Something else answers there.", []int{http.StatusNotFound}, "404 Not Found"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/readyz" {
					t.Errorf("asked for %s", r.URL.Path)
				}
				w.WriteHeader(tc.answers[min(int(asked.Add(1)), len(tc.answers))-1])
				_, _ = w.Write([]byte("caches failed"))
			}))
			defer server.Close()
			err := checkReady(t.Context(), server.URL+"/readyz", time.Second)
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s want %q, got %v", tc.reason, tc.want, err)
			}
			if int(asked.Load()) < len(tc.answers) {
				t.Errorf("asked %d times", asked.Load())
			}
		})
	}
}

func TestCheckReadyOfNobody(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	err := checkReady(t.Context(), server.URL+"/readyz", time.Second)
	if err == nil || !strings.Contains(err.Error(), "no manager is ready at "+server.URL) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("want to be told what was tried and why it failed, got %v", err)
	}
}
