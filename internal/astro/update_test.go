package astro

import (
	"context"
	"errors"
	"net/http"
	"testing"
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

// A refusal of the read after a write without an answer says nothing of that write.
func TestRefusedReadAfterALostWrite(t *testing.T) {
	for name, kind := range map[string]astrosim.FaultKind{"forbidden": astrosim.FaultForbidden, "not found": astrosim.FaultNotFound} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, astrosim.Options{})
			w.Inject(astrosim.Fault{Kind: astrosim.FaultDrop, Endpoint: "tokens.roles"})
			w.Inject(astrosim.Fault{Kind: kind, Endpoint: "tokens.get", After: 1})
			u, err := w.client.UpdateRoles(t.Context(), w.ci, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")))
			if !errors.Is(err, ErrUnreachable) || !u.Attempted || u.Written || w.wire.count(http.MethodPost) != 1 {
				t.Errorf("%+v after %d POSTs, %v", u, w.wire.count(http.MethodPost), err)
			}
		})
	}
}

func TestWriteUnderWayIsWaitedFor(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	w.Inject(astrosim.Fault{Kind: astrosim.FaultSlow, Endpoint: "tokens.roles", Delay: 300 * time.Millisecond})
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(150*time.Millisecond, stop)
	u, err := w.client.UpdateRoles(ctx, w.ci, func(now Token) ([]Role, bool) {
		return append(now.Roles, NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")), ctx.Err() == nil
	})
	if err != nil || ctx.Err() == nil || !u.Written || !u.Confirmed {
		t.Errorf("whoever is told to stop knows what became of its last write: %+v, %v", u, err)
	}
}

func TestUpdateEndsWithItsContext(t *testing.T) {
	w := newWorld(t, astrosim.Options{}, func(o *Options) { o.WriteTimeout = 300 * time.Millisecond })
	w.Inject(astrosim.Fault{Kind: astrosim.FaultHang, Endpoint: "tokens.roles"})
	var u Update
	err := w.outOfTime(t, func(ctx context.Context) (err error) {
		u, err = w.client.UpdateRoles(ctx, w.ci, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")))
		return err
	})
	if !errors.Is(err, ErrUnreachable) || !u.Attempted || u.Written || u.Before.ID != w.ci {
		t.Errorf("got %+v, %v", u, err)
	}
}
