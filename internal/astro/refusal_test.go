package astro

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// everyCall makes one call of every sort.
func (w *world) everyCall(ctx context.Context) []error {
	_, get := w.client.GetToken(ctx, w.ci)
	_, list := w.client.ListTokens(ctx)
	_, org := w.client.GetOrganization(ctx)
	_, targets := w.client.ListWorkspaces(ctx, Filter{Names: []string{"data"}})
	_, exists := w.client.TargetExists(ctx, EntityDeployment, w.dep)
	_, update := w.client.UpdateRoles(ctx, w.ci, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")))
	return []error{get, list, org, targets, exists, update}
}

func TestRevokedCredentialCostsOneCall(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	w.RevokeCredential(w.self)
	for range 20 {
		for _, err := range w.everyCall(t.Context()) {
			if !errors.Is(err, ErrUnauthorized) {
				t.Fatalf("got %v", err)
			}
		}
	}
	if n := w.Counts().Total; n != 1 {
		t.Errorf("%d calls reached Astro", n)
	}
	_, err := w.client.GetToken(t.Context(), w.ci)
	for _, say := range []string{"get token " + w.ci, "not sent", "(request "} {
		if !strings.Contains(err.Error(), say) {
			t.Errorf("%q does not say %q", err, say)
		}
	}
	if mayBeApplied(err) || w.client.again(t.Context(), err, 1) {
		t.Error("what was not sent cannot have been applied, and is not tried again")
	}
}

const users, workers = 100, 16

// ask has all users ask, so many at a time as there are workers.
func (w *world) ask(t *testing.T) {
	t.Helper()
	turns := make(chan struct{}, workers)
	var group sync.WaitGroup
	for range users {
		group.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			if _, err := w.client.GetToken(t.Context(), w.ci); !errors.Is(err, ErrUnauthorized) {
				t.Errorf("got %v", err)
			}
		})
	}
	group.Wait()
}

func TestRevokedCredentialCostsManyUsersACallAWorker(t *testing.T) {
	w := newWorld(t, astrosim.Options{Latency: 20 * time.Millisecond})
	w.RevokeCredential(w.self)
	w.ask(t)
	if n := w.Counts().Total; n > workers {
		t.Errorf("%d calls of %d users reached Astro", n, users)
	}
}

func TestNobodyWaitsWithARefusedCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{Latency: 20 * time.Millisecond}, func(o *Options) { o.Limiter = newLimiter(systemClock{}, 1, 1) })
		w.RevokeCredential(w.self)
		began := time.Now()
		w.ask(t)
		if n, took := w.Counts().Total, time.Since(began); n != 1 || took > 2*time.Second {
			t.Errorf("%d calls reached Astro, and %d users were told after %s; at a call a second only who waits for the next slot waits", n, users, took)
		}
		began = time.Now()
		w.ask(t)
		if took := time.Since(began); took != 0 {
			t.Errorf("once it is known, it took %s", took)
		}
		w.client.limiter.reads.throttled(time.Now(), time.Minute)
		w.ask(t) // the refusal is what there is to say, not that Astro asks to wait
	})
}

func TestOnlyARefusedCredentialOpensTheBreaker(t *testing.T) {
	for _, kind := range []astrosim.FaultKind{astrosim.FaultForbidden, astrosim.FaultServerError, astrosim.FaultThrottle, astrosim.FaultReset, astrosim.FaultNotFound} {
		w := newWorld(t, astrosim.Options{})
		w.Inject(astrosim.Fault{Kind: kind, Endpoint: astrosim.TokensGet})
		if _, err := w.client.GetToken(t.Context(), w.ci); err == nil {
			t.Fatalf("%s: no error", kind)
		}
		if err := w.client.Refusal(); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestBreakerCloses(t *testing.T) {
	cases := map[string]struct {
		reason string
		closes func(w *world) error
		closed bool
	}{
		"proof": {"Astro takes the credential again", func(w *world) error {
			w.RestoreCredential(w.self)
			_, err := w.client.Prove(context.Background())
			return err
		}, true},
		"failed proof": {"Astro still refuses it", func(w *world) error {
			if _, err := w.client.Prove(context.Background()); !errors.Is(err, ErrUnauthorized) {
				return errors.New("it was proven")
			}
			w.RestoreCredential(w.self)
			return nil
		}, false},
		"the same secret": {"whoever puts it in has had it proven", func(w *world) error {
			w.RestoreCredential(w.self)
			w.client.UseCredential(w.Credential(w.self))
			return nil
		}, true},
		"another secret": {"it is another one's refusal", func(w *world) error {
			w.client.UseCredential(w.RotateToken(w.self))
			return nil
		}, true},
		"time": {"which proves nothing", func(w *world) error {
			w.RestoreCredential(w.self)
			return nil
		}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var told atomic.Int64
			w := newWorld(t, astrosim.Options{}, func(o *Options) { o.Refused = func() { told.Add(1) } })
			w.RevokeCredential(w.self)
			w.everyCall(t.Context())
			if err := w.client.Refusal(); !errors.Is(err, ErrUnauthorized) {
				t.Errorf("the refusal is %v", err)
			}
			if err := c.closes(w); err != nil {
				t.Fatal(err)
			}
			for _, err := range w.everyCall(t.Context()) {
				if (err == nil) != c.closed {
					t.Errorf("%s: %v", c.reason, err)
				}
			}
			if closed := w.client.Refusal() == nil; closed != c.closed || told.Load() != 1 {
				t.Errorf("%s: closed %t, told %d times", c.reason, closed, told.Load())
			}
		})
	}
}

// rotated is a client whose credential is replaced while its first call of that method is under way. Astro answers that
// call as told, and all others as if nothing had happened.
func rotated(t *testing.T, method string, answer http.HandlerFunc, more ...func(*Options)) *Client {
	t.Helper()
	var c *Client
	var once sync.Once
	c = stub(t, func(w http.ResponseWriter, r *http.Request) {
		first := false
		if r.Method == method {
			once.Do(func() { first = true })
		}
		if first {
			c.UseCredential("another-secret")
			answer(w, r)
			return
		}
		if r.Method == http.MethodPost {
			_, _ = w.Write([]byte(`{"workspaceRoles":[{"workspaceId":"w","role":"WORKSPACE_MEMBER"}]}`))
			return
		}
		_, _ = w.Write([]byte(`{"id":"t","roles":[{"entityType":"ORGANIZATION","entityId":"o","role":"ORGANIZATION_MEMBER"}]}`))
	}, more...)
	return c
}

func refuse(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = w.Write([]byte(`{"message":"Unauthorized","requestId":"r-1","statusCode":401}`))
}

// TestLateRefusalIsTheOldCredentials: a call that left with the old secret is made again with the new one.
func TestLateRefusalIsTheOldCredentials(t *testing.T) {
	var told atomic.Int64
	count := func(o *Options) { o.Refused = func() { told.Add(1) } }
	if _, err := rotated(t, http.MethodGet, refuse, count).GetToken(t.Context(), "t"); err != nil {
		t.Errorf("a read: %v", err)
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		c := rotated(t, method, refuse, count)
		u, err := c.UpdateRoles(t.Context(), "t", add(NewRole(EntityWorkspace, "w", "WORKSPACE_MEMBER")))
		if err != nil || !u.Confirmed {
			t.Errorf("an update whose %s was refused: %+v, %v", method, u, err)
		}
		if err := c.Refusal(); err != nil {
			t.Errorf("the new secret counts as refused: %v", err)
		}
	}
	if told.Load() != 0 {
		t.Errorf("told %d times of a refusal", told.Load())
	}
}

// TestLateRefusalIsNoWrite: where no attempt is left, a write that was refused for the old secret cannot have been applied.
func TestLateRefusalIsNoWrite(t *testing.T) {
	c := rotated(t, http.MethodPost, refuse)
	c.retries.left = 0
	u, err := c.UpdateRoles(t.Context(), "t", add(NewRole(EntityWorkspace, "w", "WORKSPACE_MEMBER")))
	if !errors.Is(err, ErrUnreachable) || errors.Is(err, ErrUnauthorized) || u.Attempted {
		t.Errorf("%+v, %v", u, err)
	}
}

// TestEchoOfTheOldSecretIsRedacted: an answer to the old secret may quote it after a rotation.
func TestEchoOfTheOldSecretIsRedacted(t *testing.T) {
	c := rotated(t, http.MethodGet, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"message":"not a header: ` + r.Header.Get("Authorization")[len("Bearer "):] + `","requestId":"r","statusCode":400}`))
	})
	_, err := c.GetToken(t.Context(), "t")
	if !errors.Is(err, ErrInvalid) || strings.Contains(InFull(err).Error(), "secret-of-the") {
		t.Errorf("got %v", err)
	}
}

func TestRefusedReadBeforeAWriteSendsNoWrite(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	w.RevokeCredential(w.self)
	u, err := w.client.UpdateRoles(t.Context(), w.ci, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")))
	if !errors.Is(err, ErrUnauthorized) || u.Attempted || w.Counts().Writes() != 0 {
		t.Errorf("%+v, %v", u, err)
	}
}
