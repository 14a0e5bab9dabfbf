package astro

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// refreshed makes a sweep and compares what it found changed.
func refreshed(t *testing.T, d *Directory, want ...string) Sweep {
	t.Helper()
	s, err := d.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if !slices.Equal(s.Changed, want) {
		t.Errorf("changed %v, want %v", s.Changed, want)
	}
	return s
}

func TestSweepTellsWhatDiffers(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	d := w.directory()
	if s := refreshed(t, d, w.self, w.ci); !s.First || s.Total != 2 || !s.Trusted {
		t.Errorf("the first: %+v", s)
	}
	if s := refreshed(t, d); s.First || !s.Trusted {
		t.Errorf("nothing happened: %+v", s)
	}
	w.GrantRole(w.ci, "WORKSPACE", w.ws, "WORKSPACE_MEMBER")
	refreshed(t, d, w.ci)
	w.RenameToken(w.ci, "ci2")
	made := w.AddOrganizationToken(w.org, "new", "ORGANIZATION_MEMBER")
	refreshed(t, d, w.ci, made)
	w.DeleteToken(made)
	refreshed(t, d, made)
	refreshed(t, d)
}

func TestChangesFoundByOthersAreToldToTheSweep(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	d := w.directory()
	refreshed(t, d, w.self, w.ci)
	w.RenameToken(w.ci, "ci2")
	if err := d.RefreshIfOlder(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	refreshed(t, d, w.ci)
	refreshed(t, d)
}

func TestIncompleteListingChangesNothing(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	d := w.directory()
	refreshed(t, d, w.self, w.ci)
	_, before, _ := d.All(t.Context())
	w.Inject(astrosim.Fault{Kind: astrosim.FaultHide, IDs: []string{w.ci}, KeepTotal: true})
	if _, err := d.Refresh(t.Context()); !errors.Is(err, ErrIncomplete) {
		t.Fatal(err)
	}
	all, after, err := d.All(t.Context())
	if err != nil || len(all) != 2 || !before.Equal(after) {
		t.Errorf("%d tokens of %s and %s, %v", len(all), before, after, err)
	}
}

func TestRefreshIsSharedAndItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{Latency: time.Second})
		d := w.directory()
		impatient, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { // begins the flight and leaves it
			if _, err := d.Refresh(impatient); !errors.Is(err, context.Canceled) {
				t.Errorf("the one who gave up got %v", err)
			}
		})
		synctest.Wait()
		for range 20 {
			wg.Go(func() {
				s, err := d.Refresh(t.Context())
				if err != nil || len(s.Changed) != 2 || !s.First {
					t.Errorf("got %+v, %v", s, err)
				}
			})
		}
		synctest.Wait()
		time.Sleep(500 * time.Millisecond)
		cancel()
		wg.Wait()
		if n := w.wire.count(http.MethodGet); n != 1 {
			t.Errorf("%d listings", n)
		}
	})
}

func TestChangesAreNotLostWithWhoGaveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{Latency: time.Second})
		d := w.directory()
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if _, err := d.Refresh(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		refreshed(t, d, w.self, w.ci)
	})
}

// TestRecordedRowWinsOverListingUnderWay: a listing that began before a write may still show what was before it.
func TestRecordedRowWinsOverListingUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{})
		d := w.directory()
		refreshed(t, d, w.self, w.ci)
		old, _, _ := d.Token(t.Context(), w.ci)
		written := old.clone()
		written.Roles = append(written.Roles, NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER"))

		w.SetLatency(2 * time.Second)
		done := make(chan struct{})
		go func() {
			defer close(done)
			refreshed(t, d)
		}()
		time.Sleep(time.Second)
		d.Record(written, time.Now())
		d.Forget("unseen", time.Now())
		<-done
		if got, listed, _ := d.Token(t.Context(), w.ci); !listed || !got.SameAs(written) {
			t.Errorf("the listing undid the write: %v", got.Roles)
		}
		d.Record(old, time.Now().Add(-time.Hour))
		if got, _, _ := d.Token(t.Context(), w.ci); !got.SameAs(written) {
			t.Error("an older row undid a newer one")
		}
		refreshed(t, d, w.ci) // the next listing began after the write: it counts, and shows something else
	})
}

func TestForgottenTokenStaysGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{})
		d := w.directory()
		refreshed(t, d, w.self, w.ci)
		w.SetLatency(2 * time.Second)
		go func() { _ = d.RefreshIfOlder(t.Context(), 0) }()
		time.Sleep(1500 * time.Millisecond) // the listing has read it
		w.SetLatency(0)
		w.DeleteToken(w.ci)
		d.Forget(w.ci, time.Now())
		time.Sleep(time.Second)
		if _, listed, _ := d.Token(t.Context(), w.ci); listed {
			t.Error("the listing brought it back")
		}
		if all, _, _ := d.All(t.Context()); len(all) != 1 {
			t.Errorf("%d tokens", len(all))
		}
		refreshed(t, d)
		if len(d.rows) != 1 {
			t.Errorf("%d rows are kept", len(d.rows))
		}
	})
}

func TestCallersOwnWhatTheyGet(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	d := w.directory()
	got, _, err := d.Token(t.Context(), w.ci)
	if err != nil {
		t.Fatal(err)
	}
	got.Roles[0].Role = "MINE"
	if again, _, _ := d.Token(t.Context(), w.ci); again.Roles[0].Role == "MINE" {
		t.Error("the directory was changed from outside")
	}
	if n := w.wire.count(http.MethodGet); n != 1 {
		t.Errorf("%d calls for one listing", n)
	}
}

func TestNamed(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	other := w.AddWorkspace(w.org, "other")
	w.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
	w.AddOrganizationToken(w.org, "CI", "ORGANIZATION_MEMBER")
	home := w.AddWorkspaceToken(w.ws, "ci", "WORKSPACE_MEMBER", astrosim.Roles(astrosim.DeploymentRole(w.dep, "DEPLOYMENT_ADMIN")))
	w.AddWorkspaceToken(other, "ci", "WORKSPACE_MEMBER")
	d := w.directory()
	cases := map[string]struct {
		scope      Scope
		home, name string
		want       int
	}{
		"organization":      {ScopeOrganization, "", "ci", 2},
		"workspace":         {ScopeWorkspace, w.ws, "ci", 1},
		"another workspace": {ScopeWorkspace, "elsewhere", "ci", 0},
		"another name":      {ScopeWorkspace, w.ws, "c", 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			found, err := d.Named(t.Context(), c.scope, c.home, c.name)
			if err != nil || len(found) != c.want {
				t.Errorf("%d tokens, %v", len(found), err)
			}
		})
	}
	t.Run("without roles", func(t *testing.T) {
		w.Inject(astrosim.Fault{Kind: astrosim.FaultOmitRoles})
		refreshed(t, d, listedIDs(t, d)...)
		found, err := d.Named(t.Context(), ScopeWorkspace, w.ws, "ci")
		if err != nil || len(found) != 1 || found[0].ID != home || !found[0].RolesKnown {
			t.Errorf("%v, %v", found, err)
		}
		if got, _, _ := d.Token(t.Context(), w.ci); got.RolesKnown {
			t.Error("a row without roles passes for one")
		}
	})
}

func listedIDs(t *testing.T, d *Directory) []string {
	t.Helper()
	all, _, err := d.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, token := range all {
		ids = append(ids, token.ID)
	}
	return ids
}

func TestProveGone(t *testing.T) {
	cases := map[string]struct {
		reason string
		gone   bool
		err    error
		happen func(w *world, d *Directory)
	}{
		"gone":  {"404, and not in a trusted listing", true, nil, func(w *world, _ *Directory) { w.DeleteToken(w.ci) }},
		"there": {"it is there", false, nil, func(*world, *Directory) {}},
		"404 but listed": {"a 404 alone proves nothing", false, nil, func(w *world, _ *Directory) {
			w.Inject(astrosim.Fault{Kind: astrosim.FaultNotFound, Endpoint: "tokens.get"})
		}},
		"absent but there": {"absence alone proves nothing", false, nil, func(w *world, _ *Directory) { w.Inject(astrosim.Fault{Kind: astrosim.FaultHide, IDs: []string{w.ci}}) }},
		"403": {"a 403 least of all", false, nil, func(w *world, _ *Directory) {
			w.Inject(astrosim.Fault{Kind: astrosim.FaultForbidden, Endpoint: "tokens.get"})
			w.Inject(astrosim.Fault{Kind: astrosim.FaultHide, IDs: []string{w.ci}})
		}},
		"401": {"nor a refused credential", false, ErrUnauthorized, func(w *world, _ *Directory) { w.RevokeCredential(w.self) }},
		"500": {"nor an outage", false, ErrUnreachable, func(w *world, _ *Directory) {
			w.Inject(astrosim.Fault{Kind: astrosim.FaultServerError, Endpoint: "tokens.get"})
		}},
		"downgraded": {"nor what a credential that lost its rights does not see", false, nil, func(w *world, _ *Directory) { w.DowngradeCredential(w.self, "ORGANIZATION_MEMBER") }},
		"self hidden": {"nor a listing without the credential's own token", false, nil, func(w *world, _ *Directory) {
			w.DeleteToken(w.ci)
			w.Inject(astrosim.Fault{Kind: astrosim.FaultHide, IDs: []string{w.self}})
		}},
		"no roles": {"nor one that shows no roles", false, nil, func(w *world, _ *Directory) {
			w.DeleteToken(w.ci)
			w.Inject(astrosim.Fault{Kind: astrosim.FaultOmitRoles})
		}},
		"incomplete": {"nor one that is not complete", false, ErrIncomplete, func(w *world, _ *Directory) {
			w.DeleteToken(w.ci)
			w.Inject(astrosim.Fault{Kind: astrosim.FaultHide, IDs: []string{w.self}, KeepTotal: true})
		}},
		"shrunk": {"nor one that shrank suddenly", false, nil, func(w *world, _ *Directory) {
			w.DeleteToken(w.ci)
			w.Inject(astrosim.Fault{Kind: astrosim.FaultHide, IDs: listed(w)})
		}},
		"read meanwhile": {"nor when somebody has just read it", false, nil, func(w *world, d *Directory) {
			now, _ := w.client.GetToken(context.Background(), w.ci)
			w.DeleteToken(w.ci)
			d.Record(now, time.Now().Add(time.Hour))
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, astrosim.Options{})
			w.crowd(30)
			d := w.directory()
			refreshed(t, d, listedIDs(t, d)...)
			c.happen(w, d)
			gone, why, err := d.ProveGone(t.Context(), w.ci)
			if gone != c.gone || !errors.Is(err, c.err) || gone == (why != "") {
				t.Errorf("%s: gone %t, %q, %v", c.reason, gone, why, err)
			}
			if _, listed, _ := d.Token(t.Context(), w.ci); gone && listed {
				t.Errorf("%s: still listed", c.reason)
			}
		})
	}
}

// listed are the crowd's first four tokens.
func listed(w *world) []string {
	var ids []string
	for _, token := range w.Tokens(w.org)[2:6] {
		ids = append(ids, token.ID)
	}
	return ids
}

// TestProofUsesAListingOfItsOwnTime: one that began before the call may have read the token before it was deleted, or
// have missed it before it was made.
func TestProofUsesAListingOfItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{Latency: time.Second})
		d := w.directory()
		refreshed(t, d, w.self, w.ci)
		go func() { _ = d.RefreshIfOlder(t.Context(), 0) }()
		time.Sleep(100 * time.Millisecond)
		w.SetLatency(0)
		w.DeleteToken(w.ci)
		var wg sync.WaitGroup
		before := w.Counts().ByEndpoint["tokens.list"]
		for range 20 {
			wg.Go(func() {
				if gone, why, err := d.ProveGone(t.Context(), w.ci); !gone || err != nil {
					t.Errorf("not proven: %s, %v", why, err)
				}
			})
		}
		wg.Wait()
		if n := w.Counts().ByEndpoint["tokens.list"] - before; n != 2 {
			t.Errorf("%d listings ended: the one under way and one for all proofs make 2", n)
		}
	})
}

func TestTrust(t *testing.T) {
	own := func(role string) Token {
		return Token{ID: "self", RolesKnown: true, Roles: []Role{NewRole(EntityOrganization, "o", role)}}
	}
	list := func(self Token, others int) []Token {
		tokens := []Token{self}
		for i := range others {
			tokens = append(tokens, Token{ID: fmt.Sprint("t", i)})
		}
		return tokens
	}
	full, less := list(own("OWNER"), 99), list(own("OWNER"), 49)
	lesser := list(own("MEMBER"), 49)
	cases := map[string]struct {
		reason string
		tokens [][]Token
		want   string // y or n for each
	}{
		"steady":           {"the same again and again", [][]Token{full, full}, "yy"},
		"slow shrinking":   {"a few at a time", [][]Token{full, list(own("OWNER"), 89), list(own("OWNER"), 81)}, "yyy"},
		"few tokens":       {"three of a few may go", [][]Token{list(own("OWNER"), 5), list(own("OWNER"), 2)}, "yy"},
		"sudden":           {"three sweeps of one total are believed", [][]Token{full, less, less, less, less}, "ynnyy"},
		"unsteady":         {"of one total", [][]Token{full, less, list(own("OWNER"), 40), less, less, less}, "ynnnny"},
		"back":             {"what comes back is fine", [][]Token{full, less, full, less, less}, "ynynn"},
		"growing":          {"as is what grows", [][]Token{less, full}, "yy"},
		"downgraded":       {"changed roles are never believed", [][]Token{full, lesser, lesser, lesser, lesser, lesser}, "ynnnnn"},
		"roles in between": {"and interrupt what would be", [][]Token{full, less, less, lesser, less, less, less}, "ynnnnny"},
		"self missing":     {"no own token", [][]Token{full, full[1:]}, "yn"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			judge, got := trust{self: "self"}, []byte(nil)
			for _, tokens := range c.tokens {
				word := byte('y')
				if ok, reason := judge.judge(tokens, true); !ok {
					if word = 'n'; reason == "" {
						t.Error("no reason given")
					}
				}
				got = append(got, word)
			}
			if string(got) != c.want {
				t.Errorf("%s: got %s, want %s", c.reason, got, c.want)
			}
		})
	}
}

func TestTrustIsGivenBack(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	w.crowd(30)
	d := w.directory()
	refreshed(t, d, listedIDs(t, d)...)
	w.Grant(w.self, astrosim.WorkspaceRole(w.ws, "WORKSPACE_OWNER"))
	for range 5 {
		if s, err := d.Refresh(t.Context()); err != nil || s.Trusted || s.Reason == "" {
			t.Errorf("with other roles: %+v, %v", s, err)
		}
	}
	d.Trust()
	if s := refreshed(t, d); !s.Trusted {
		t.Errorf("after Trust: %+v", s)
	}
}

func TestProofsDoNotWearDistrustDown(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	w.crowd(30)
	d := w.directory()
	refreshed(t, d, listedIDs(t, d)...)
	w.DeleteToken(w.ci)
	w.Inject(astrosim.Fault{Kind: astrosim.FaultHide, IDs: listed(w)})
	for range 10 {
		if gone, _, err := d.ProveGone(t.Context(), w.ci); gone || err != nil {
			t.Fatalf("believed after a few listings in a row, %v", err)
		}
	}
	for range shrinkSweeps {
		if _, err := d.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if gone, why, err := d.ProveGone(t.Context(), w.ci); !gone || err != nil {
		t.Errorf("after three sweeps: %s, %v", why, err)
	}
}
