package astro

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// TestWriteFollowsItsReadAtOnce: many updates at once, held back to 5 writes a second and by a 429 now and then. The
// time of the bubble moves only where somebody waits, so any wait between a read and its write would show.
func TestWriteFollowsItsReadAtOnce(t *testing.T) {
	const latency = 80 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{Latency: latency}, func(o *Options) {
			o.Limiter = NewBudgets(BudgetOptions{}).For("astro", "self", "test", 25, 5)
		})
		w.Inject(astrosim.Fault{Kind: astrosim.FaultThrottle, Endpoint: "tokens.roles", After: 5, Times: 2})
		var wg sync.WaitGroup
		for i := range 30 {
			token := w.AddOrganizationToken(w.org, fmt.Sprint("t", i), "ORGANIZATION_MEMBER")
			wg.Go(func() {
				u, err := w.client.UpdateRoles(t.Context(), token, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")))
				if err != nil || !u.Written {
					t.Errorf("%+v, %v", u, err)
				}
			})
		}
		for range 100 { // reads of no write, in the way of those that are
			wg.Go(func() { _, _ = w.client.GetToken(t.Context(), w.ci) })
		}
		wg.Wait()
		writesFollowReads(t, w.wire, time.Millisecond)
		if n := w.wire.count(http.MethodPost); n != 32 {
			t.Errorf("%d writes", n)
		}
		withinRate(t, w.wire, http.MethodPost, 5)
		withinRate(t, w.wire, http.MethodGet, 25)
	})
}

// writesFollowReads: before each POST the last answer to a GET of that token is no older than the limit.
func writesFollowReads(t *testing.T, wire *recorder, limit time.Duration) {
	t.Helper()
	read := map[string]time.Time{}
	requests := wire.requests()
	slices.SortStableFunc(requests, func(a, b sentRequest) int { return a.answered.Compare(b.answered) })
	for _, r := range requests {
		token, _, _ := strings.Cut(strings.TrimPrefix(r.path, "/v1/organizations/"), "/roles")
		if r.method == http.MethodGet {
			read[token] = r.answered
			continue
		}
		if gap := r.at.Sub(read[token]); gap > limit || gap < 0 {
			t.Errorf("%s between the read and the write of %s", gap, token)
		}
		delete(read, token)
	}
}

// withinRate: never more than so many calls in any second.
func withinRate(t *testing.T, wire *recorder, method string, perSecond int) {
	t.Helper()
	var times []time.Time
	for _, r := range wire.requests() {
		if r.method == method {
			times = append(times, r.at)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	for i := perSecond; i < len(times); i++ {
		if gap := times[i].Sub(times[i-perSecond]); gap < 950*time.Millisecond {
			t.Errorf("%d %ss in %s", perSecond+1, method, gap)
		}
	}
}

func TestUnusedSlotIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{}, func(o *Options) { o.Limiter = newLimiter(systemClock{}, 1000, 0.1) })
		began := time.Now()
		for range 10 {
			if _, err := w.client.UpdateRoles(t.Context(), w.ci, func(Token) ([]Role, bool) { return nil, false }); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("ten updates that wrote nothing took %s of a rate of one in ten seconds", took)
		}
	})
}

func TestConcurrentUpdatesKeepThePublishedLimits(t *testing.T) {
	for _, window := range []astrosim.Choice{astrosim.Bucket, astrosim.Sliding} {
		t.Run(string(window), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				options := astrosim.Options{Latency: 80 * time.Millisecond, Limits: astrosim.PublishedLimits()}
				options.Behaviour.LimitWindow = window
				w := newBubbleWorld(options, func(o *Options) { o.Limiter = nil })
				var wg sync.WaitGroup
				began := time.Now()
				for i := range 100 {
					token := w.AddOrganizationToken(w.org, fmt.Sprint("t", i), "ORGANIZATION_MEMBER")
					wg.Go(func() {
						_, err := w.client.UpdateRoles(t.Context(), token, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")))
						if err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				if took := time.Since(began); took > 10600*time.Millisecond {
					t.Errorf("100 updates at 10 a second took %s", took)
				}
				if c := w.Counts(); c.ByStatus[429] > 0 || c.Total != 200 {
					t.Errorf("%d calls, %d of them throttled", c.Total, c.ByStatus[429])
				}
			})
		})
	}
}

func TestRetriesHaveABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{})
		remove := w.Inject(astrosim.Fault{Kind: astrosim.FaultServerError})
		for range 100 {
			if _, err := w.client.GetToken(t.Context(), w.ci); !errors.Is(err, ErrUnreachable) {
				t.Fatal(err)
			}
		}
		if n := w.wire.count(http.MethodGet); n != 100+maxRetries {
			t.Errorf("100 calls in an outage became %d", n)
		}
		remove()
		for range 5 {
			_, _ = w.client.GetToken(t.Context(), w.ci)
		}
		w.Inject(astrosim.Fault{Kind: astrosim.FaultServerError, Times: 1})
		if _, err := w.client.GetToken(t.Context(), w.ci); err != nil {
			t.Errorf("after good calls there is no retry: %v", err)
		}
	})
}

func TestTheReadOfAnUpdateGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{}, func(o *Options) { o.Limiter = newLimiter(systemClock{}, 1, 1e6) })
		for range 30 {
			go func() { _, _ = w.client.GetToken(t.Context(), w.ci) }()
		}
		synctest.Wait()
		began := time.Now()
		if _, err := w.client.UpdateRoles(t.Context(), w.ci, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER"))); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited > 3*time.Second {
			t.Errorf("the update waited %s for its read", waited)
		}
		time.Sleep(time.Minute)
	})
}

// TestUpdateReadsAgainAfterAPause stops between read and write, as a process that is frozen does; another writes meanwhile.
func TestUpdateReadsAgainAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{})
		other := w.AddWorkspace(w.org, "other")
		decide, paused := add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")), false
		u, err := w.client.UpdateRoles(t.Context(), w.ci, func(now Token) ([]Role, bool) {
			if !paused {
				paused = true
				w.Grant(w.ci, astrosim.WorkspaceRole(other, "WORKSPACE_OWNER"))
				time.Sleep(freshFor + 50*time.Millisecond)
			}
			return decide(now)
		})
		if err != nil || !u.Confirmed {
			t.Fatalf("got %+v, %v", u, err)
		}
		if got := w.RoleOn(w.ci, astrosim.TypeWorkspace, other); got != "WORKSPACE_OWNER" {
			t.Errorf("what was granted in the pause is %q", got)
		}
		if gets, posts := w.wire.count(http.MethodGet), w.wire.count(http.MethodPost); gets != 2 || posts != 1 {
			t.Errorf("%d GETs and %d POSTs", gets, posts)
		}
	})
}

// TestFence lets nothing be written while it is shut, and everything be read.
func TestFence(t *testing.T) {
	shut := errors.New("somebody else may lead")
	w := newWorld(t, astrosim.Options{}, func(o *Options) { o.Fence = func() error { return shut } })
	u, err := w.client.UpdateRoles(t.Context(), w.ci, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")))
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), shut.Error()) || u.Attempted {
		t.Errorf("got %+v, %v", u, err)
	}
	if _, err := w.client.GetToken(t.Context(), w.ci); err != nil {
		t.Error(err)
	}
	if n := w.wire.count(http.MethodPost); n != 0 {
		t.Errorf("%d POSTs", n)
	}
	shut = nil
	if u, err = w.client.UpdateRoles(t.Context(), w.ci, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER"))); err != nil || !u.Confirmed {
		t.Errorf("got %+v, %v", u, err)
	}
}
