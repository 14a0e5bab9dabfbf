package connection

import (
	"context"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/shard"
)

// labelled is a connection with a proven credential, of the shard.
func labelled(shard string) *v1alpha1.ClusterAstroConnection {
	c := &v1alpha1.ClusterAstroConnection{ObjectMeta: metav1.ObjectMeta{Name: "acme", Labels: map[string]string{"shard": shard}}}
	c.Spec.OrganizationID, c.Spec.APIURL, c.Status.CredentialTokenID = "clo", "https://api.astronomer.io", "clt"
	return c
}

// sharer is a reconciler of shard=a that knows the connection from when it served it.
func sharer(t *testing.T, now time.Time) (s sharing, followed toolscache.ResourceEventHandler) {
	t.Helper()
	tracker := shard.NewTracker(shard.Options{
		Selector: labels.SelectorFromSet(labels.Set{"shard": "a"}), Handover: time.Minute, Clock: func() time.Time { return now },
	})
	tracker.Synced()
	s = sharing{&reconciler{
		Options: Options{Registry: NewRegistry(), Budgets: astro.NewBudgets(astro.BudgetOptions{}), Clock: func() time.Time { return now }},
		kind:    v1alpha1.KindClusterAstroConnection,
	}}
	s.Registry.shard = tracker
	s.Registry.set(Handle{Key: KeyOf(labelled("a")), Ready: true, SelfID: "clt"})
	s.memories.of(KeyOf(labelled("a"))).uid = "1"
	return s, followers(tracker)
}

func TestForeignConnectionIsDropped(t *testing.T) {
	s, followed := sharer(t, time.Now())
	notices := s.Registry.Subscribe()
	followed.OnAdd(labelled("b"), false)
	got, err := s.Reconcile(t.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Name: "acme"}})
	if err != nil || got.RequeueAfter != 0 {
		t.Errorf("got %v, %v", got, err)
	}
	key := KeyOf(labelled("b"))
	if _, known := s.Registry.Get(key); known {
		t.Error("others can still work through the connection")
	}
	if s.memories.of(key).uid != "" {
		t.Error("what was known of the connection is kept, its credential among it")
	}
	if n := (<-notices).Object; !n.All || n.Connection != key {
		t.Errorf("others are told %v", n)
	}
}

func TestConnectionWaitsForItsTurn(t *testing.T) {
	s, followed := sharer(t, time.Now())
	followed.OnAdd(labelled("b"), false)
	followed.OnUpdate(labelled("b"), labelled("a"))
	got, err := s.Reconcile(t.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Name: "acme"}})
	if err != nil || got.RequeueAfter != time.Minute {
		t.Errorf("want another look in a minute, got %v, %v", got, err)
	}
	followed.OnDelete(toolscache.DeletedFinalStateUnknown{Obj: labelled("a")})
	if got, err := s.Reconcile(t.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Name: "acme"}}); err != nil || got.RequeueAfter != 0 {
		t.Errorf("a connection that is gone is waited for: %v, %v", got, err)
	}
}

func TestOnlyProven(t *testing.T) {
	now, m := time.Now(), &memory{}
	if m.begin(shard.Serving); m.onlyProven(now) {
		t.Error("a connection that is served was only proven")
	}
	if m.begin(shard.Proving); m.onlyProven(now) {
		t.Error("a connection without a credential was proven; nobody would tell what is wrong with it")
	}
	m.access = &access{}
	if !m.onlyProven(now) || !m.ready {
		t.Error("a proven connection is worked on before its Organization is this instance's")
	}
	if wake := m.wake(now); wake < time.Second {
		t.Errorf("it is looked at again after %s, although its status tells", wake)
	}
	if m.begin(shard.Serving); m.onlyProven(now) || !m.sweepAt.IsZero() {
		t.Error("once it is served, it is not listed at once")
	}
}

func TestFollowed(t *testing.T) {
	tracker := shard.NewTracker(shard.Options{Selector: labels.Everything(), Handover: time.Minute})
	known := false
	f := followed{tracker: tracker, handlers: []toolscache.InformerSynced{func() bool { return known }}}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_ = f.Start(ctx)
	if _, _, turn := tracker.Organization(ctx, shard.Organization{}); turn.Stage != shard.Foreign {
		t.Errorf("before all connections are known, want stage %v, got %v", shard.Foreign, turn.Stage)
	}
	known = true
	if err := f.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, turn := tracker.Organization(t.Context(), shard.Organization{}); turn.Stage != shard.Serving {
		t.Errorf("want stage %v, got %v", shard.Serving, turn.Stage)
	}
	if f.NeedLeaderElection() {
		t.Error("a replica that waits for the lease would not count the time that others take to let go")
	}
}
