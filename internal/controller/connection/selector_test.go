package connection

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/quota"
)

// labelled is a connection with the label.
func labelled(shard string) *v1alpha1.ClusterAstroConnection {
	return &v1alpha1.ClusterAstroConnection{ObjectMeta: metav1.ObjectMeta{Name: "acme", UID: "1", Labels: map[string]string{"shard": shard}}}
}

func TestServes(t *testing.T) {
	all, some, rest := NewRegistry(), NewRegistry(), NewRegistry()
	some.selector = labels.SelectorFromSet(labels.Set{"shard": "a"})
	rest.selector, _ = labels.Parse("shard!=a")
	cases := map[string]struct {
		reason           string
		connection       v1alpha1.Connection
		all, some, other bool
	}{
		"Selected":  {"Its own instance serves it.", labelled("a"), true, true, false},
		"Another":   {"A label that only the rest selects leads there.", labelled("b"), true, false, true},
		"Unlabeled": {"So does no label.", &v1alpha1.AstroConnection{}, true, false, true},
		"None":      {"A connection that does not exist has no labels.", nil, true, false, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := [3]bool{all.Serves(tc.connection), some.Serves(tc.connection), rest.Serves(tc.connection)}
			if want := [3]bool{tc.all, tc.some, tc.other}; got != want {
				t.Errorf("%s\nwant %v, got %v", tc.reason, want, got)
			}
		})
	}
}

func TestConnectionThatIsNotSelectedIsDropped(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c := labelled("b")
	r := &reconciler{
		dependencies: dependencies{
			Options: Options{Registry: NewRegistry(), Budgets: astro.NewBudgets(astro.BudgetOptions{}), Clock: time.Now},
			Client:  fake.NewClientBuilder().WithScheme(scheme).WithObjects(c).Build(),
		},
		kind:   v1alpha1.KindClusterAstroConnection,
		places: quota.NewPlaces(mostOfANamespace, func(Key) {}),
		empty:  func() v1alpha1.Connection { return &v1alpha1.ClusterAstroConnection{} },
	}
	r.Registry.selector = labels.SelectorFromSet(labels.Set{"shard": "a"})
	key := KeyOf(c)
	r.Registry.publish(Handle{Key: key, Ready: true, SelfID: "clt"})
	r.memories.entry(key).uid = c.UID
	notices := r.Registry.Subscribe()

	got, err := r.Reconcile(t.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Name: "acme"}})
	if err != nil || got.RequeueAfter != 0 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, known := r.Registry.Get(key); known {
		t.Error("others can still work through the connection")
	}
	if r.memories.entry(key).uid != "" {
		t.Error("what was known of the connection is kept, its credential among it")
	}
	if n := (<-notices).Object; !n.All || n.Connection != key {
		t.Errorf("others are told %v", n)
	}
	if err := r.Client.Get(t.Context(), key.Object(), c); err != nil || len(c.Finalizers) > 0 || len(c.Status.Conditions) > 0 {
		t.Errorf("it was written: %v %v, %v", c.Finalizers, c.Status.Conditions, err)
	}
}
