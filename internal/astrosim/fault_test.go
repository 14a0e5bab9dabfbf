package astrosim_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestFaultsInPlaceOfTheAnswer(t *testing.T) {
	cases := map[string]struct {
		fault  astrosim.Fault
		status int // 0: the call fails
		body   string
		wrote  bool
	}{
		"server error":     {astrosim.Fault{Kind: astrosim.FaultServerError}, 500, `"requestId"`, false},
		"unavailable":      {astrosim.Fault{Kind: astrosim.FaultServerError, Status: 503}, 503, `"statusCode":503`, false},
		"page of a proxy":  {astrosim.Fault{Kind: astrosim.FaultHTML}, 502, "<html>", false},
		"page with 200":    {astrosim.Fault{Kind: astrosim.FaultHTML, Status: 200}, 200, "<html>", false},
		"throttled":        {astrosim.Fault{Kind: astrosim.FaultThrottle, RetryAfter: "7"}, 429, "Too many", false},
		"unauthorized":     {astrosim.Fault{Kind: astrosim.FaultUnauthorized}, 401, "revoked", false},
		"forbidden":        {astrosim.Fault{Kind: astrosim.FaultForbidden}, 403, "Forbidden", false},
		"not found":        {astrosim.Fault{Kind: astrosim.FaultNotFound}, 404, "not found", false},
		"hang":             {astrosim.Fault{Kind: astrosim.FaultHang}, 0, "", false},
		"hang for a while": {astrosim.Fault{Kind: astrosim.FaultHang, Delay: 20 * time.Millisecond}, 0, "", false},
		"reset":            {astrosim.Fault{Kind: astrosim.FaultReset}, 0, "", false},
		"answer dropped":   {astrosim.Fault{Kind: astrosim.FaultDrop}, 0, "", true},
		"truncated":        {astrosim.Fault{Kind: astrosim.FaultTruncate}, 0, "", true},
		"slow":             {astrosim.Fault{Kind: astrosim.FaultSlow, Delay: 30 * time.Millisecond}, 200, "organizationRole", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, astrosim.Options{})
			tc.fault.Times = 1
			w.Inject(tc.fault)
			start := time.Now()
			r := w.whileItHangs(tc.fault.Kind, func() reply {
				return w.setRoles(w.ci, w.orgRole(), astrosim.WorkspaceRole(w.ws, "WORKSPACE_MEMBER"))
			})
			if failed := r.err != nil; failed != (tc.status == 0) || tc.status != 0 && r.status != tc.status || !strings.Contains(string(r.body), tc.body) {
				t.Errorf("got %d %s %v", r.status, r.body, r.err)
			}
			if tc.fault.Kind == astrosim.FaultSlow && time.Since(start) < tc.fault.Delay {
				t.Error("it was not slow")
			}
			if tc.fault.RetryAfter != "" && r.header.Get("Retry-After") != "7" {
				t.Errorf("Retry-After: %q", r.header.Get("Retry-After"))
			}
			if wrote := len(w.Audit()) == 1 && len(w.Roles(w.ci)) == 2; wrote != tc.wrote {
				t.Errorf("took effect: %v", wrote)
			}
			if r := w.get("/tokens/" + w.ci); r.status != http.StatusOK {
				t.Errorf("the next call: %d %v", r.status, r.err)
			}
			if n := w.Counts().Faults[tc.fault.Kind]; n != 1 {
				t.Errorf("%d faults are counted", n)
			}
		})
	}
}

// whileItHangs makes a call, which gives up a while after a fault of that kind has hit it if that lets it hang.
func (w *world) whileItHangs(kind astrosim.FaultKind, call func() reply) reply {
	if kind != astrosim.FaultHang {
		return call()
	}
	done := make(chan reply, 1)
	ctx, giveUp := context.WithCancel(w.t.Context())
	defer giveUp()
	w.ctx = ctx
	defer func() { w.ctx = nil }()
	go func() { done <- call() }()
	w.awaitFault(kind)
	time.AfterFunc(300*time.Millisecond, giveUp)
	return <-done
}

// awaitFault waits until a fault of that kind has hit a call.
func (w *world) awaitFault(kind astrosim.FaultKind) {
	for w.Counts().Faults[kind] == 0 {
		time.Sleep(time.Millisecond)
	}
}

// A client's transport repeats a GET by itself when a kept connection ends before any answer. It must see these faults.
func TestConnectionFaultsReachAClientWithAKeptConnection(t *testing.T) {
	for _, kind := range []astrosim.FaultKind{astrosim.FaultReset, astrosim.FaultDrop, astrosim.FaultTruncate} {
		w := newWorld(t, astrosim.Options{})
		w.get("/tokens")
		w.Inject(astrosim.Fault{Kind: kind, Times: 1})
		if r := w.get("/tokens"); r.err == nil {
			t.Errorf("%s: the client got %d", kind, r.status)
		}
	}
}

func TestWhichCallsAFaultBefalls(t *testing.T) {
	cases := map[string]struct {
		fault astrosim.Fault
		want  string // of GET token, GET tokens, POST roles, GET Workspaces; then the same by another caller
	}{
		"all":         {astrosim.Fault{}, "xxxxxxxx"},
		"an endpoint": {astrosim.Fault{Endpoint: astrosim.TokensGet}, "x...x..."},
		"a pattern":   {astrosim.Fault{Endpoint: "tokens.*"}, "xxx.xxx."},
		"lists":       {astrosim.Fault{Endpoint: "*.list"}, ".x.x.x.x"},
		"a method":    {astrosim.Fault{Method: http.MethodPost}, "..x...x."},
		"a path":      {astrosim.Fault{Path: "/workspaces"}, "...x...x"},
		"a caller":    {astrosim.Fault{Caller: "the other"}, "....xxxx"},
		"the first 2": {astrosim.Fault{Times: 2}, "xx......"},
		"2 after 3":   {astrosim.Fault{After: 3, Times: 2}, "...xx..."},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, astrosim.Options{})
			other := w.AddOrganizationToken(w.org, "other", "ORGANIZATION_OWNER")
			if tc.fault.Caller != "" {
				tc.fault.Caller = other
			}
			tc.fault.Kind = astrosim.FaultForbidden
			w.Inject(tc.fault)
			var got strings.Builder
			for _, caller := range []string{w.operator, other} {
				w.credential = w.Credential(caller)
				for _, r := range []reply{w.get("/tokens/" + w.ci), w.get("/tokens"), w.setRoles(w.ci, w.orgRole()), w.get("/workspaces")} {
					got.WriteString(map[int]string{200: ".", 403: "x"}[r.status])
				}
			}
			if got.String() != tc.want {
				t.Errorf("got %s, want %s", got.String(), tc.want)
			}
			w.ClearFaults()
			if w.get("/tokens").status != http.StatusOK {
				t.Error("the faults were not cleared")
			}
		})
	}
}

func TestFaultsByChanceAreRepeatable(t *testing.T) {
	run := func(seed uint64) string {
		w := newWorld(t, astrosim.Options{Seed: seed})
		w.Inject(astrosim.Fault{Kind: astrosim.FaultForbidden, Probability: 0.5})
		var pattern strings.Builder
		for range 40 {
			pattern.WriteString(map[int]string{200: ".", 403: "x"}[w.get("").status])
		}
		return pattern.String()
	}
	one, again, other := run(1), run(1), run(2)
	if one != again || one == other || strings.Count(one, "x") < 8 || strings.Count(one, ".") < 8 {
		t.Errorf("%s %s %s", one, again, other)
	}
}

func TestFaultsSpellDurations(t *testing.T) {
	var f astrosim.Fault
	if err := f.UnmarshalJSON([]byte(`{"kind":"slow","delay":"2s","age":"1m","ids":["a"]}`)); err != nil || f.Delay != 2*time.Second || f.Age != time.Minute {
		t.Fatalf("%+v %v", f, err)
	}
	text, err := f.MarshalJSON()
	if err != nil || string(text) != `{"kind":"slow","ids":["a"],"delay":"2s","age":"1m0s"}` {
		t.Errorf("%s %v", text, err)
	}
	if err := f.UnmarshalJSON([]byte(`{"delay":"soon"}`)); err == nil {
		t.Error("no duration, no error")
	}
}

func TestCloseLetsHangingCallsGo(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	w.Inject(astrosim.Fault{Kind: astrosim.FaultHang})
	done := make(chan error, 1)
	go func() { done <- w.get("/tokens").err }()
	w.awaitFault(astrosim.FaultHang)
	w.Close()
	if err := <-done; err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the call hung until its client gave up: %v", err)
	}
}

// Run with the race detector: everything at once, and no update of the whole set is torn.
func TestConcurrentUse(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for range 20 {
				w.setRoles(w.ci, w.orgRole(), astrosim.WorkspaceRole(w.ws, "WORKSPACE_MEMBER"))
				w.get("/tokens?limit=2&offset=1")
				switch i {
				case 0:
					w.GrantRole(w.ci, astrosim.TypeWorkspace, w.ws2, "WORKSPACE_OWNER")
				case 1:
					w.Inject(astrosim.Fault{Kind: astrosim.FaultStale, Times: 1})()
				case 2:
					_, _, _ = w.Counts(), w.Audit(), w.Roles(w.ci)
				case 3:
					w.RenameToken(w.wsToken, "x")
				}
			}
		})
	}
	wait.Wait()
	if n := w.Counts().ByEndpoint[astrosim.TokensRoles]; n != 160 {
		t.Errorf("%d writes", n)
	}
}
