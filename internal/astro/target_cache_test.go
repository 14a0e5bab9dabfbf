package astro

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestTargetsShareCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{Latency: 80 * time.Millisecond})
		d := w.directory()
		var wg sync.WaitGroup
		for i := range 250 {
			name := fmt.Sprint("dep", i)
			id := w.AddDeployment(w.ws, name)
			for range 4 {
				wg.Go(func() {
					found, err := d.Targets(t.Context(), TargetQuery{Kind: EntityDeployment, Name: name, WorkspaceID: w.ws})
					if diff := cmp.Diff([]Target{{EntityDeployment, id, name, w.ws}}, found); diff != "" || err != nil {
						t.Error(diff, err)
					}
				})
			}
		}
		wg.Go(func() { _, _ = d.Targets(t.Context(), TargetQuery{Kind: EntityWorkspace, ID: w.ws}) })
		wg.Wait()
		for _, r := range w.wire.requests() {
			if len(r.query) > 8000 {
				t.Errorf("a query of %d bytes", len(r.query))
			}
		}
		if n := w.wire.count(http.MethodGet); n > 4 {
			t.Errorf("%d calls for 250 names and an id", n)
		}
	})
}

func TestTargets(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	other := w.AddWorkspace(w.org, "Data")
	elsewhere := w.AddDeployment(other, "prod-etl")
	if err := w.SetBehaviour("names-filter", astrosim.Partial); err != nil {
		t.Fatal(err)
	}
	w.AddDeployment(w.ws, "prod-etl-2")
	d := w.directory()
	cases := map[string]struct {
		reason string
		query  TargetQuery
		want   string
	}{
		"id":            {"by id", TargetQuery{Kind: EntityDeployment, ID: w.dep}, w.dep},
		"id and more":   {"an id says it all", TargetQuery{Kind: EntityDeployment, ID: w.dep, Name: "x", WorkspaceID: "y"}, w.dep},
		"name":          {"several of one name", TargetQuery{Kind: EntityDeployment, Name: "prod-etl"}, w.dep + " " + elsewhere},
		"name in":       {"narrowed", TargetQuery{Kind: EntityDeployment, Name: "prod-etl", WorkspaceID: other}, elsewhere},
		"exact":         {"the whole name, whatever Astro's filter takes", TargetQuery{Kind: EntityWorkspace, Name: "data"}, w.ws},
		"none":          {"none", TargetQuery{Kind: EntityWorkspace, Name: "nope"}, ""},
		"an id of none": {"none", TargetQuery{Kind: EntityWorkspace, ID: w.dep}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			found, err := d.Targets(t.Context(), c.query)
			var ids []string
			for _, f := range found {
				ids = append(ids, f.ID)
			}
			if got := strings.Join(ids, " "); got != c.want || err != nil {
				t.Errorf("%s: got %q, want %q, %v", c.reason, got, c.want, err)
			}
		})
	}
	for _, q := range []TargetQuery{{Kind: EntityOrganization, ID: "o"}, {Kind: EntityWorkspace}} {
		if _, err := d.Targets(t.Context(), q); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

func TestTargetsAreKeptForTheirTime(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	now := time.Now()
	d := w.directory(func(o *DirectoryOptions) {
		o.TargetTTL, o.Clock = time.Hour, func() time.Time { return now }
	})
	there, missing := TargetQuery{Kind: EntityDeployment, ID: w.dep}, TargetQuery{Kind: EntityDeployment, Name: "later", WorkspaceID: w.ws}
	calls := func(q TargetQuery, found int) int {
		t.Helper()
		before := w.wire.count(http.MethodGet)
		if got, err := d.Targets(t.Context(), q); err != nil || len(got) != found {
			t.Errorf("%+v: %v, %v", q, got, err)
		}
		return w.wire.count(http.MethodGet) - before
	}
	steps := []struct {
		what           string
		do             func()
		there, missing int
	}{
		{"first", func() {}, 1, 1},
		{"again", func() {}, 0, 0},
		{"after a sweep what was missing is looked up again", func() { refreshed(t, d, w.self, w.ci) }, 0, 1},
		{"after its time what was found is", func() { now = now.Add(2 * time.Hour) }, 1, 0},
		{"both when told to", d.ExpireTargets, 1, 1},
	}
	for _, s := range steps {
		s.do()
		if a, b := calls(there, 1), calls(missing, 0); a != s.there || b != s.missing {
			t.Errorf("%s: %d and %d calls, want %d and %d", s.what, a, b, s.there, s.missing)
		}
	}
	later := w.AddDeployment(w.ws, "later")
	refreshed(t, d)
	if got, err := d.Targets(t.Context(), missing); err != nil || len(got) != 1 || got[0].ID != later {
		t.Errorf("made meanwhile: %v, %v", got, err)
	}
}

func TestATargetIsKnownByItsNameForAShortTime(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	now := time.Now()
	d := w.directory(func(o *DirectoryOptions) { o.Clock = func() time.Time { return now } })
	q := TargetQuery{Kind: EntityDeployment, Name: "prod-etl", WorkspaceID: w.ws}
	named := func(want string) {
		t.Helper()
		if found, err := d.Targets(t.Context(), q); err != nil || len(found) != 1 || found[0].ID != want {
			t.Errorf("%v, %v, want %s", found, err, want)
		}
	}
	named(w.dep)
	w.RenameDeployment(w.dep, "old-etl")
	heir := w.AddDeployment(w.ws, "prod-etl")
	named(w.dep) // those who ask together share a call
	now = now.Add(time.Minute)
	named(heir)
}

func TestAMissIsForgottenOnceItIsOld(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	now := time.Now()
	d := w.directory(func(o *DirectoryOptions) { o.Clock = func() time.Time { return now } })
	missing, there := TargetQuery{Kind: EntityDeployment, Name: "new", WorkspaceID: w.ws}, TargetQuery{Kind: EntityDeployment, ID: w.dep}
	if d.ForgetMiss(missing, 10*time.Second, func() bool { t.Error("nothing was missed yet"); return true }) {
		t.Error("an answer is kept that nobody was given")
	}
	for _, q := range []TargetQuery{missing, there} {
		if _, err := d.Targets(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	made := w.AddDeployment(w.ws, "new")
	asked := 0
	steps := []struct {
		what       string
		age        time.Duration
		may        bool
		kept       bool
		asked      int
		calls      int
		foundByNow string
	}{
		{"a moment ago", 9 * time.Second, true, true, 0, 0, ""},
		{"old, and the share is spent", 10 * time.Second, false, true, 1, 0, ""},
		{"old", 10 * time.Second, true, false, 1, 1, made},
		{"found is no miss", 10 * time.Second, true, false, 0, 0, made},
	}
	began := now
	for _, s := range steps {
		now, asked = began.Add(s.age), 0
		kept := d.ForgetMiss(missing, 10*time.Second, func() bool { asked++; return s.may })
		before := w.wire.count(http.MethodGet)
		found, err := d.Targets(t.Context(), missing)
		ids := ""
		for _, f := range found {
			ids += f.ID
		}
		if calls := w.wire.count(http.MethodGet) - before; kept != s.kept || asked != s.asked || calls != s.calls || ids != s.foundByNow || err != nil {
			t.Errorf("%s: kept %t, asked %d times, %d calls, found %q, %v; want %+v", s.what, kept, asked, calls, ids, err, s)
		}
	}
}

func TestSuccessorsAreNotTheOneThatIsGone(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	d := w.directory()
	q := TargetQuery{Kind: EntityDeployment, Name: "prod-etl", WorkspaceID: w.ws}
	if found, err := d.Targets(t.Context(), q); err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	w.DeleteDeployment(w.dep)
	again := w.AddDeployment(w.ws, "prod-etl")
	if found, err := d.Successors(t.Context(), q, w.dep); err != nil || len(found) != 1 || found[0].ID != again {
		t.Errorf("%v, %v: the answer that is cached is from before", found, err)
	}
	w.DeleteDeployment(again)
	if found, err := d.Successors(t.Context(), q, again); err != nil || len(found) != 0 {
		t.Errorf("%v, %v: none is left", found, err)
	}
}

func TestASweepEndsTheAnswerThatItContradicts(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	d := w.directory()
	refreshed(t, d, w.self, w.ci)
	q := TargetQuery{Kind: EntityDeployment, ID: w.dep}
	if found, err := d.Targets(t.Context(), q); err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	w.DeleteDeployment(w.dep)
	if changed, err := d.RefreshTargets(t.Context(), []TargetQuery{q}); err != nil || len(changed) != 1 {
		t.Fatal(changed, err)
	}
	if found, err := d.Targets(t.Context(), q); err != nil || len(found) != 0 {
		t.Errorf("%v, %v: the sweep has not found it any more", found, err)
	}
}

func TestTargetsFailTogetherAndAreAskedAgain(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	d := w.directory()
	remove := w.Inject(astrosim.Fault{Kind: astrosim.FaultForbidden, Endpoint: "deployments.list"})
	q := TargetQuery{Kind: EntityDeployment, ID: w.dep}
	if _, err := d.Targets(t.Context(), q); !errors.Is(err, ErrForbidden) {
		t.Errorf("got %v", err)
	}
	remove()
	if found, err := d.Targets(t.Context(), q); err != nil || len(found) != 1 {
		t.Errorf("the failure was kept: %v, %v", found, err)
	}
}

func TestWhoGivesUpATargetDoesNotFailOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{Latency: time.Second})
		d := w.directory()
		q := TargetQuery{Kind: EntityDeployment, ID: w.dep}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		go func() {
			if _, err := d.Targets(ctx, q); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		}()
		if found, err := d.Targets(t.Context(), q); err != nil || len(found) != 1 {
			t.Errorf("got %v, %v", found, err)
		}
		if n := w.wire.count(http.MethodGet); n != 1 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestLookupUnderWayIsNotKeptAfterExpiry(t *testing.T) {
	for name, expire := range map[string]func(*Directory, TargetQuery){
		"all": func(d *Directory, _ TargetQuery) { d.ExpireTargets() },
		"one": func(d *Directory, q TargetQuery) { d.ForgetTarget(q) },
	} {
		t.Run(name, func(t *testing.T) { lookupUnderWay(t, expire) })
	}
}

func lookupUnderWay(t *testing.T, expire func(*Directory, TargetQuery)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{Latency: time.Second})
		d := w.directory()
		q := TargetQuery{Kind: EntityDeployment, ID: w.dep}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = d.Targets(t.Context(), q)
		}()
		time.Sleep(900 * time.Millisecond) // it was read, and is then renamed
		w.RenameDeployment(w.dep, "renamed")
		expire(d, q)
		<-done
		if found, err := d.Targets(t.Context(), q); err != nil || found[0].Name != "renamed" {
			t.Errorf("got %v, %v", found, err)
		}
	})
}
