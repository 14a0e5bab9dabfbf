package astro

import (
	"context"
	"errors"
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
	if _, err := d.await(t.Context(), false); err != nil {
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
		wg.Go(func() { // begins the listing and gives up
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
		go func() { _, _ = d.Refresh(t.Context()) }()
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

// TestForgottenRoles: a token of whose roles nothing is known any more still has its name.
func TestForgottenRoles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{})
		d := w.directory()
		refreshed(t, d, w.self, w.ci)
		token, _, _ := d.Token(t.Context(), w.ci)
		at := time.Now()
		d.ForgetRoles(w.ci, at)
		if now, listed := d.Known(w.ci); !listed || now.RolesKnown || now.Roles != nil {
			t.Errorf("its roles are taken for %v", now.Roles)
		}
		if named, err := d.Named(t.Context(), token.Scope, "", token.Name); err != nil || len(named) != 1 {
			t.Errorf("%d tokens have its name, %v", len(named), err)
		}
		d.Amend(token, at.Add(-time.Minute))
		if now, _ := d.Known(w.ci); now.RolesKnown {
			t.Error("an older row brought them back")
		}
		d.Amend(token, at.Add(time.Minute))
		if now, _ := d.Known(w.ci); !now.SameAs(token) {
			t.Error("a newer row did not bring them back")
		}
		d.Forget(w.ci, at.Add(2*time.Minute))
		d.ForgetRoles(w.ci, at.Add(3*time.Minute))
		if _, listed := d.Known(w.ci); listed {
			t.Error("one that is gone came back")
		}
	})
}

// TestOn: who looks at one place is given no token that is known to hold nothing there.
func TestOn(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	d := w.directory()
	place := RoleKey{EntityType: EntityWorkspace, EntityID: w.ws}
	d.Record(Token{ID: "here", Roles: []Role{NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")}, RolesKnown: true}, time.Now().Add(time.Hour))
	d.Record(Token{ID: "elsewhere", Roles: []Role{NewRole(EntityWorkspace, "other", "WORKSPACE_MEMBER")}, RolesKnown: true}, time.Now().Add(time.Hour))
	d.Record(Token{ID: "unknown"}, time.Now().Add(time.Hour))
	found, err := d.On(t.Context(), place)
	if err != nil || len(found) != 2 || found[0].ID != "here" || found[1].ID != "unknown" {
		t.Errorf("%v, %v", found, err)
	}
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
		w.Inject(astrosim.Fault{Kind: astrosim.FaultOmitRoles, Endpoint: astrosim.TokensList})
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
