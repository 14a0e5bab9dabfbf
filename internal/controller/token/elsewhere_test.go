package token

import (
	"context"
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/journal"
)

// TestABindingIsOfOneToken: whose journal entry is later than its status has its claim there.
func TestABindingIsOfOneToken(t *testing.T) {
	pages := fake.NewClientBuilder().Build()
	j, err := journal.Open(t.Context(), pages, pages, journal.Options{Namespace: "system", Instance: "operator", Writer: "test"})
	if err != nil {
		t.Fatal(err)
	}
	entered, one, other := time.Now(), tokenKey("astro", "org", "one"), tokenKey("astro", "org", "other")
	e := journal.Entry{UID: "u", Namespace: "team", Name: "b", Target: "w1", Role: "WORKSPACE_MEMBER", ClaimedAt: entered}
	if err := j.Write(t.Context(), one.journal(), e); err != nil {
		t.Fatal(err)
	}
	r := &Reconciler{}
	b := &v1alpha1.ScopedTokenBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "b", UID: "u"}}
	if r.claimedElsewhere(other, b) {
		t.Error("known before the journal is open")
	}
	r.opened.Store(j)
	if r.claimedElsewhere(one, b) || !r.claimedElsewhere(other, b) {
		t.Error("it is the token's on which the journal has its claim, and no other's")
	}
	w := &write{reconciler: r, group: group{key: other}}
	all := []decision.Binding{{Object: b}}
	if left := w.withoutElsewhere(append(all[:0:0], all...)); len(left) != 0 {
		t.Error("the other token is given its role as well")
	}
	w.progress.Situation.Pending = map[types.UID]decision.Pending{"u": {Sent: true}}
	if left := w.withoutElsewhere(append(all[:0:0], all...)); len(left) != 1 {
		t.Error("what was sent for it is not followed up")
	}
	b.Status.Claim = &v1alpha1.Claim{UID: "u", State: v1alpha1.ClaimReleased, ClaimedAt: metav1.NewMicroTime(entered.Add(time.Second))}
	if r.claimedElsewhere(other, b) {
		t.Error("an entry counts that is older than the status")
	}
}

// TestAnEntryOfANamespaceThatIsNotWatched: nobody can say what became of its binding, and the others of the token do not wait for that.
func TestAnEntryOfANamespaceThatIsNotWatched(t *testing.T) {
	pages := fake.NewClientBuilder().Build()
	j, err := journal.Open(t.Context(), pages, pages, journal.Options{Namespace: "system", Instance: "operator", Writer: "test"})
	if err != nil {
		t.Fatal(err)
	}
	key := tokenKey("h", "clorganization000000000000", "cltoken0000000000000000001")
	e := journal.Entry{UID: "gone", Namespace: "left", Name: "b", Target: "w1", Role: "WORKSPACE_MEMBER", ClaimedAt: time.Now()}
	if err := j.Write(t.Context(), key.journal(), e); err != nil {
		t.Fatal(err)
	}
	r := lookingAt(t)
	r.Namespaces, r.orphans, r.memory = []string{"team"}, newOrphans(r.stillThere, r.isJournaled), newMemory()
	unwatched := interceptor.Funcs{Get: func(ctx context.Context, c client.WithWatch, k client.ObjectKey, o client.Object, options ...client.GetOption) error {
		if k.Namespace == "left" {
			return errors.New("unable to get: left/b because of unknown namespace for the cache")
		}
		return c.Get(ctx, k, o, options...)
	}}
	r.Client = interceptor.NewClient(r.Client.(client.WithWatch), unwatched)
	r.opened.Store(j)
	g, err := r.withJournal(t.Context(), group{key: key, bindings: []decision.Binding{{Object: bindingIn("team", key.Token)}}})
	if err != nil || len(g.bindings) != 1 {
		t.Errorf("%d bindings, %v", len(g.bindings), err)
	}
	if left := j.Entries(key.journal()); len(left) != 1 {
		t.Errorf("the journal has %d entries left", len(left))
	}
}
