package astro

import (
	"context"
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

func TestUpdateKeepsWhatItDoesNotKnow(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	foreign := `{"zone":7, "entityType":"POOL","entityId":"p<1>","role":"POOL_USER","more":{"a":[1,2.50]}}`
	w.Grant(w.ci, astrosim.RawRole(foreign))
	u, err := w.client.UpdateRoles(t.Context(), w.ci, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")))
	if err != nil || !u.Written || !u.Confirmed || !u.Attempted {
		t.Fatalf("got %+v, %v", u, err)
	}
	if len(u.Before.Roles) != 2 || len(u.After.Roles) != 3 || u.After.RoleOn(NewRole(EntityWorkspace, w.ws, "").Key()) != "WORKSPACE_MEMBER" {
		t.Errorf("before %v, after %v", u.Before.Roles, u.After.Roles)
	}
	if raw := string(w.Roles(w.ci)[1].Raw); raw != foreign {
		t.Errorf("the foreign role is %s", raw)
	}
	if gets, posts := w.wire.count(http.MethodGet), w.wire.count(http.MethodPost); gets != 1 || posts != 1 {
		t.Errorf("%d GETs and %d POSTs", gets, posts)
	}
}

func TestUpdateWritesOnlyOnADifference(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	u, err := w.client.UpdateRoles(t.Context(), w.ci, func(Token) ([]Role, bool) { return nil, false })
	if err != nil || u.Written || u.Attempted || u.Confirmed || u.After.ID != w.ci || w.wire.count(http.MethodPost) != 0 {
		t.Errorf("got %+v, %v", u, err)
	}
	_, err = w.client.UpdateRoles(t.Context(), w.ci, func(Token) ([]Role, bool) { return nil, true })
	if !errors.Is(err, ErrInvalid) || w.wire.count(http.MethodPost) != 0 {
		t.Errorf("an empty set: %v", err)
	}
}

func TestUpdateNeedsTheRoles(t *testing.T) {
	client := stub(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"id":"t1"}`)) })
	_, err := client.UpdateRoles(t.Context(), "t1", func(Token) ([]Role, bool) {
		t.Error("decide saw a token without roles")
		return nil, false
	})
	if !errors.Is(err, ErrIncomplete) {
		t.Errorf("got %v", err)
	}
}

// TestUpdateOutlivesFaults: whatever happens to the first write, the role is there in the end, once.
func TestUpdateOutlivesFaults(t *testing.T) {
	roles := astrosim.Endpoint("tokens.roles")
	cases := map[string]struct {
		reason    string
		fault     astrosim.Fault
		attempted bool
		posts     int
	}{
		"server error":   {"a 500 is tried again", astrosim.Fault{Kind: astrosim.FaultServerError, Endpoint: roles}, true, 2},
		"page":           {"so is a gateway's page", astrosim.Fault{Kind: astrosim.FaultHTML, Endpoint: roles}, true, 2},
		"throttled":      {"and a 429", astrosim.Fault{Kind: astrosim.FaultThrottle, Endpoint: roles}, true, 2},
		"throttled with": {"with a time to wait", astrosim.Fault{Kind: astrosim.FaultThrottle, Endpoint: roles, RetryAfter: "1"}, true, 2},
		"reset":          {"and a reset", astrosim.Fault{Kind: astrosim.FaultReset, Endpoint: roles}, true, 2},
		"hang":           {"and silence", astrosim.Fault{Kind: astrosim.FaultHang, Endpoint: roles}, true, 2},
		"dropped":        {"a write that was taken, its answer lost, is found by reading", astrosim.Fault{Kind: astrosim.FaultDrop, Endpoint: roles}, true, 1},
		"truncated":      {"and so is one with half an answer", astrosim.Fault{Kind: astrosim.FaultTruncate, Endpoint: roles}, true, 1},
		"read error":     {"a read that fails is made again", astrosim.Fault{Kind: astrosim.FaultServerError, Endpoint: "tokens.get"}, true, 1},
		"read hangs":     {"with a slot of its own", astrosim.Fault{Kind: astrosim.FaultHang, Endpoint: "tokens.get"}, true, 1},
		"read cut":       {"and when half of it comes", astrosim.Fault{Kind: astrosim.FaultTruncate, Endpoint: "tokens.get"}, true, 1},
		"stale read":     {"a read that is late costs nothing when nothing changed", astrosim.Fault{Kind: astrosim.FaultStale, Endpoint: "tokens.get"}, true, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, astrosim.Options{}, func(o *Options) {
				if c.fault.Kind == astrosim.FaultHang {
					quick(o)
				}
			})
			c.fault.Times = 1
			w.Inject(c.fault)
			u, err := w.client.UpdateRoles(t.Context(), w.ci, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")))
			if err != nil || !u.Written || !u.Confirmed || u.Attempted != c.attempted {
				t.Fatalf("%s: %+v, %v", c.reason, u, err)
			}
			if w.RoleOn(w.ci, "WORKSPACE", w.ws) != "WORKSPACE_MEMBER" || w.RoleOn(w.ci, "ORGANIZATION", w.org) == "" {
				t.Errorf("%s: Astro holds %v", c.reason, w.Roles(w.ci))
			}
			if got := w.wire.count(http.MethodPost); got != c.posts {
				t.Errorf("%s: %d POSTs, want %d", c.reason, got, c.posts)
			}
			if len(u.Before.Roles) != 1 || len(u.After.Roles) != 2 {
				t.Errorf("%s: before %v, after %v", c.reason, u.Before.Roles, u.After.Roles)
			}
			readsBeforeWrites(t, w.wire)
		})
	}
}

// readsBeforeWrites: each POST has a GET of its own right before it.
func readsBeforeWrites(t *testing.T, wire *recorder) {
	t.Helper()
	requests := wire.requests()
	for i, r := range requests {
		if r.method == http.MethodPost && (i == 0 || requests[i-1].method != http.MethodGet) {
			t.Errorf("POST %d came without a fresh read", i)
		}
	}
}

func TestForeignChangeBetweenTriesSurvives(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	w.Inject(astrosim.Fault{Kind: astrosim.FaultServerError, Endpoint: "tokens.roles", Times: 1})
	tries := 0
	u, err := w.client.UpdateRoles(t.Context(), w.ci, func(now Token) ([]Role, bool) {
		if tries++; tries == 2 && len(now.Roles) != 2 {
			t.Errorf("the second try does not see the foreign role: %v", now.Roles)
		}
		defer func() {
			if tries == 1 { // right after the first read, and before the second
				w.GrantRole(w.ci, "DEPLOYMENT", w.dep, "DEPLOYMENT_ADMIN")
			}
		}()
		return add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER"))(now)
	})
	if err != nil || !u.Written || w.RoleOn(w.ci, "DEPLOYMENT", w.dep) == "" || w.RoleOn(w.ci, "WORKSPACE", w.ws) == "" {
		t.Errorf("got %v, Astro holds %v", err, w.Roles(w.ci))
	}
}

func TestUpdateGivesUp(t *testing.T) {
	cases := map[string]struct {
		reason    string
		fault     astrosim.Fault
		want      error
		attempted bool
		posts     int
	}{
		"down":         {"after a few tries", astrosim.Fault{Kind: astrosim.FaultServerError, Endpoint: "tokens.roles"}, ErrUnreachable, true, maxAttempts},
		"forbidden":    {"at once where it is of no use", astrosim.Fault{Kind: astrosim.FaultForbidden, Endpoint: "tokens.roles"}, ErrForbidden, false, 1},
		"unauthorized": {"likewise", astrosim.Fault{Kind: astrosim.FaultUnauthorized, Endpoint: "tokens.roles"}, ErrUnauthorized, false, 1},
		"no such role": {"a 404 to a write is about what the set names", astrosim.Fault{Kind: astrosim.FaultNotFound, Endpoint: "tokens.roles"}, ErrInvalid, false, 1},
		"no token":     {"a 404 to the read is about the token", astrosim.Fault{Kind: astrosim.FaultNotFound, Endpoint: "tokens.get"}, ErrNotFound, false, 0},
		"for long":     {"a long Retry-After is the caller's to wait out", astrosim.Fault{Kind: astrosim.FaultThrottle, Endpoint: "tokens.roles", RetryAfter: "60"}, ErrThrottled, false, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, astrosim.Options{})
			w.Inject(c.fault)
			u, err := w.client.UpdateRoles(t.Context(), w.ci, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")))
			if !errors.Is(err, c.want) || u.Written || u.Attempted != c.attempted || w.wire.count(http.MethodPost) != c.posts {
				t.Fatalf("%s: %+v after %d POSTs, %v", c.reason, u, w.wire.count(http.MethodPost), err)
			}
			if c.fault.RetryAfter == "" {
				return
			}
			_, err = w.client.UpdateRoles(t.Context(), w.ci, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")))
			if wait := RetryAfter(err); wait < 50*time.Second || wait > time.Minute || w.wire.count(http.MethodPost) != c.posts {
				t.Errorf("the next one asks to wait %s: %v", wait, err)
			}
		})
	}
}

func TestUpdateIsConfirmed(t *testing.T) {
	cases := map[string]struct {
		reason, value string
		confirmed     bool
		reads         int
		faults        []astrosim.Fault
	}{
		"full":        {"the answer shows it", "Full", true, 1, nil},
		"empty":       {"an answer that says nothing is followed by a look", "Empty", true, 2, nil},
		"stale":       {"as is one that is late", "Stale", true, 2, nil},
		"stale reads": {"reads may be late too, then it stays open", "Stale", false, 3, []astrosim.Fault{{Kind: astrosim.FaultStale, Endpoint: "tokens.get"}}},
		"one stale":   {"the second look may be better", "Stale", true, 3, []astrosim.Fault{{Kind: astrosim.FaultStale, Endpoint: "tokens.get", Times: 2}}},
		"look fails":  {"a look that fails does not undo the write", "Empty", false, 3, []astrosim.Fault{{Kind: astrosim.FaultServerError, Endpoint: "tokens.get", After: 1}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, astrosim.Options{})
			if err := w.SetBehaviour("roles-answer", astrosim.Choice(c.value)); err != nil {
				t.Fatal(err)
			}
			for _, f := range c.faults {
				w.Inject(f)
			}
			u, err := w.client.UpdateRoles(t.Context(), w.ci, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")))
			if err != nil || !u.Written || u.Confirmed != c.confirmed || w.wire.count(http.MethodGet) != c.reads {
				t.Errorf("%s: %+v after %d reads, %v", c.reason, u, w.wire.count(http.MethodGet), err)
			}
			if w.wire.count(http.MethodPost) != 1 || u.After.RoleOn(NewRole(EntityWorkspace, w.ws, "").Key()) == "" {
				t.Errorf("%s: %d POSTs, after %v", c.reason, w.wire.count(http.MethodPost), u.After.Roles)
			}
		})
	}
}

// TestRemovalIsNotConfirmedBySilence: an answer without any field holds none of the removed roles either.
func TestRemovalIsNotConfirmedBySilence(t *testing.T) {
	w := newWorld(t, astrosim.Options{Behaviour: astrosim.Behaviour{RolesAnswer: astrosim.Empty}})
	w.GrantRole(w.ci, "WORKSPACE", w.ws, "WORKSPACE_MEMBER")
	u, err := w.client.UpdateRoles(t.Context(), w.ci, func(now Token) ([]Role, bool) { return now.Roles[:1], true })
	if err != nil || !u.Confirmed || w.wire.count(http.MethodGet) != 2 || w.RoleOn(w.ci, "WORKSPACE", w.ws) != "" {
		t.Errorf("got %+v after %d reads, %v", u, w.wire.count(http.MethodGet), err)
	}
}

func TestShows(t *testing.T) {
	ws, dep, dag := NewRole(EntityWorkspace, "w", "A"), NewRole(EntityDeployment, "d", "B"), Role{EntityType: EntityDag, EntityID: "x", DeploymentID: "d", Role: "C"}
	cases := map[string]struct {
		reason              string
		shown, before, sent []Role
		want                bool
	}{
		"all there":       {"what was sent", []Role{ws, dep}, []Role{ws}, []Role{ws, dep}, true},
		"missing":         {"less than was sent", []Role{ws}, []Role{ws}, []Role{ws, dep}, false},
		"another role":    {"something else", []Role{ws.WithRole("Z")}, nil, []Role{ws}, false},
		"not removed":     {"what was to go", []Role{ws, dep}, []Role{ws, dep}, []Role{ws}, false},
		"removed":         {"no more", []Role{ws}, []Role{ws, dep}, []Role{ws}, true},
		"extra":           {"what nobody asked for does not matter", []Role{ws, dep}, nil, []Role{dep}, true},
		"DAGs not listed": {"what no binding is about does not matter", []Role{ws}, []Role{dag}, []Role{ws, dag}, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := shows(rolesByKey(c.shown), c.before, c.sent); got != c.want {
				t.Errorf("%s: got %t", c.reason, got)
			}
		})
	}
}

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

func TestUpdateEndsWithItsContext(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	w.Inject(astrosim.Fault{Kind: astrosim.FaultHang, Endpoint: "tokens.roles"})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	u, err := w.client.UpdateRoles(ctx, w.ci, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")))
	if !errors.Is(err, context.DeadlineExceeded) || !u.Attempted || u.Written || u.Before.ID != w.ci {
		t.Errorf("got %+v, %v", u, err)
	}
}

func TestConnectionsAreReused(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	opened := &countingTransport{Transport: &http.Transport{}}
	opened.watch()
	client := NewClient(Options{BaseURL: w.URL(), Organization: w.org, Credential: w.Credential(w.self), Limiter: unlimited(), Transport: opened})
	for range 20 {
		_, _ = client.GetToken(t.Context(), w.ci)
		_, _ = client.GetToken(t.Context(), "nosuchtoken") // error bodies are drained as well
		_, _ = client.UpdateRoles(t.Context(), w.ci, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")))
		_, _ = client.ListTokens(t.Context())
	}
	if opened.dials > 1 {
		t.Errorf("%d connections for calls one after the other", opened.dials)
	}
	opened.CloseIdleConnections()
}

func TestConnectionOfABadAnswerIsReused(t *testing.T) {
	opened := &countingTransport{Transport: &http.Transport{}}
	opened.watch()
	client := stub(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("no page " + strings.Repeat("x", 20<<10)))
	}, func(o *Options) { o.Transport = opened })
	client.retries.left = 0
	for range 5 {
		_, _ = client.ListTokens(t.Context())
	}
	if opened.dials > 1 {
		t.Errorf("%d connections", opened.dials)
	}
	opened.CloseIdleConnections()
}
