package astro

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func byID(id string) TargetQuery { return TargetQuery{Kind: EntityDeployment, ID: id} }

func TestRefreshTargetsTellsWhatChanged(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	other := w.AddWorkspace(w.org, "Data")
	one, two := w.AddDeployment(w.ws, "one"), w.AddDeployment(w.ws, "two")
	all := []TargetQuery{byID(one), byID(two), {Kind: EntityWorkspace, ID: w.ws}}
	d := w.directory()
	refresh := func(want ...TargetQuery) {
		t.Helper()
		changed, err := d.RefreshTargets(t.Context(), all)
		if diff := cmp.Diff(want, changed); diff != "" || err != nil {
			t.Fatal(diff, err)
		}
	}
	refresh(byID(min(one, two)), byID(max(one, two)), TargetQuery{Kind: EntityWorkspace, ID: w.ws}) // nobody knew of them
	refresh()
	w.MoveDeployment(one, other)
	refresh(byID(one))
	if found, known := d.KnownTarget(byID(one)); !known || len(found) != 1 || found[0].WorkspaceID != other {
		t.Errorf("where it is now: %v, %t", found, known)
	}
	w.RenameDeployment(two, "renamed")
	w.RenameWorkspace(w.ws, "renamed")
	refresh(byID(two), TargetQuery{Kind: EntityWorkspace, ID: w.ws})
	w.DeleteDeployment(two)
	refresh(byID(two))
	if found, known := d.KnownTarget(byID(two)); !known || len(found) != 0 {
		t.Errorf("it is known to be gone: %v, %t", found, known)
	}
	refresh()
}

func TestRefreshTargetsTellsWhatALookupSawFirst(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	other := w.AddWorkspace(w.org, "Data")
	one := w.AddDeployment(w.ws, "one")
	d := w.directory()
	look := func(q TargetQuery) {
		t.Helper()
		if _, err := d.Targets(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	look(TargetQuery{Kind: EntityDeployment, Name: "one"})
	if changed, err := d.RefreshTargets(t.Context(), []TargetQuery{byID(one)}); len(changed) > 0 || err != nil {
		t.Fatalf("whoever found it by its name knows it: %v, %v", changed, err)
	}
	w.MoveDeployment(one, other)
	look(byID(one))
	if changed, err := d.RefreshTargets(t.Context(), []TargetQuery{byID(one)}); len(changed) != 1 || err != nil {
		t.Fatalf("others have not been told: %v, %v", changed, err)
	}
}

func TestATargetIsNotGoneWhereTheListingIsNoEvidence(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	one := w.AddDeployment(w.ws, "one")
	d := w.directory()
	all := []TargetQuery{byID(one)}
	for range 2 {
		if _, err := d.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.RefreshTargets(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	w.DeleteDeployment(one)
	d.ForgetTarget(byID(one))
	if found, err := d.Targets(t.Context(), byID(one)); len(found) > 0 || err != nil {
		t.Fatal(found, err)
	}
	if found, _ := d.KnownTarget(byID(one)); len(found) != 1 {
		t.Error("a lookup by itself proves nothing")
	}
	d.mu.Lock()
	d.trust.distrust = "the credential sees less"
	d.mu.Unlock()
	if changed, err := d.RefreshTargets(t.Context(), all); len(changed) > 0 || err != nil {
		t.Error(changed, err)
	}
	d.mu.Lock()
	d.trust.distrust = ""
	d.mu.Unlock()
	if changed, err := d.RefreshTargets(t.Context(), all); len(changed) != 1 || err != nil {
		t.Errorf("it is gone: %v, %v", changed, err)
	}
}

func TestKnownTargetMakesNoCall(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	one := w.AddDeployment(w.ws, "one")
	d := w.directory()
	for q, reason := range map[TargetQuery]string{
		byID(one):                             "nobody has looked",
		{Kind: EntityDeployment, Name: "one"}: "a name may be another's by now",
	} {
		if found, known := d.KnownTarget(q); known || found != nil {
			t.Errorf("%s: %v", reason, found)
		}
	}
	if n := w.wire.count(http.MethodGet); n > 0 {
		t.Errorf("%d calls", n)
	}
}

func TestAnOlderAnswerIsNoNews(t *testing.T) {
	r, at := newTargetRows(), time.Unix(100, 0)
	here, there := Target{EntityDeployment, "d", "d", "w1"}, Target{EntityDeployment, "d", "d", "w2"}
	r.put(byID("d"), []Target{there}, at, false)
	r.put(byID("d"), []Target{here}, at.Add(-time.Second), true)
	if row, _ := r.get(byID("d")); row.target != there || len(r.takeChanged()) > 0 {
		t.Errorf("an answer to an earlier call is older: %+v", row)
	}
	r.put(byID("d"), []Target{here, there}, at.Add(time.Second), true)
	if row, _ := r.get(byID("d")); row.target != there {
		t.Errorf("two targets of one id are no answer: %+v", row)
	}
	r.only(nil)
	if _, known := r.get(byID("d")); known {
		t.Error("what nobody claims is forgotten")
	}
}

func TestRefreshTargetsInBatches(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	var all []TargetQuery
	for i := range 250 {
		all = append(all, byID(w.AddDeployment(w.ws, fmt.Sprint("dep", i))))
	}
	d := w.directory()
	if _, err := d.RefreshTargets(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	if n := w.wire.count(http.MethodGet); n != 3 {
		t.Errorf("%d calls for 250 targets", n)
	}
	w.Inject(astrosim.Fault{Kind: astrosim.FaultServerError, Status: http.StatusForbidden, Endpoint: "deployments.*"})
	w.DeleteDeployment(all[0].ID)
	if changed, err := d.RefreshTargets(t.Context(), all); err == nil || len(changed) > 0 {
		t.Errorf("what cannot be looked at is as it was last seen: %v, %v", changed, err)
	}
}

// That a target is not shown means something to an Organization owner, and of one that was shown before.
func TestWouldSee(t *testing.T) {
	for name, c := range map[string]struct {
		role            string
		never, wasThere bool
	}{
		"owner":  {"ORGANIZATION_OWNER", true, true},
		"member": {"ORGANIZATION_MEMBER", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, astrosim.Options{})
			d := w.directory()
			if d.WouldSee(EntityDeployment, "never") {
				t.Error("nothing is known before a listing was trusted")
			}
			self := w.AddOrganizationToken(w.org, "self", c.role)
			w.GrantRole(self, astrosim.TypeWorkspace, w.ws, "WORKSPACE_OWNER")
			w.client = NewClient(Options{BaseURL: w.URL(), Organization: w.org, Credential: w.Credential(self), Limiter: unlimited()})
			d = w.directory(func(o *DirectoryOptions) { o.SelfID = self })
			if _, err := d.RefreshTargets(t.Context(), []TargetQuery{byID(w.dep)}); err != nil {
				t.Fatal(err)
			}
			w.DeleteDeployment(w.dep)
			if _, err := d.RefreshTargets(t.Context(), []TargetQuery{byID(w.dep)}); err != nil {
				t.Fatal(err)
			}
			if _, _, err := d.All(t.Context()); err != nil {
				t.Fatal(err)
			}
			if d.WouldSee(EntityDeployment, "never") != c.never || d.WouldSee(EntityDeployment, w.dep) != c.wasThere {
				t.Errorf("one that was never shown: %t, one that was there: %t", d.WouldSee(EntityDeployment, "never"), d.WouldSee(EntityDeployment, w.dep))
			}
		})
	}
}
