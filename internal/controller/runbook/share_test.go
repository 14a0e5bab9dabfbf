package runbook

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// counted counts events by the namespace of what they are about.
type counted map[string]int

func (c counted) Eventf(regarding, _ runtime.Object, _, _, _, _ string, _ ...any) {
	c[regarding.(client.Object).GetNamespace()]++
}

// TestEventsAreShared: all kinds of objects of a namespace have one share, whoever records their events, and what is in no
// namespace has one too.
func TestEventsAreShared(t *testing.T) {
	to, now := counted{}, time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	r, _ := Recorder(to, "").(recorder)
	r.now = func() time.Time { return now }
	tell := func(n int, namespace string, objects ...client.Object) {
		for range n {
			for _, o := range objects {
				o.SetNamespace(namespace)
				r.Eventf(o, nil, corev1.EventTypeNormal, "Listed", "List", "%s", "note")
			}
		}
	}
	wants := func(reason, namespace string, n int) {
		t.Helper()
		if to[namespace] != n {
			t.Errorf("%s\nwant %d of %q, got %d", reason, n, namespace, to[namespace])
		}
	}
	tell(100, "busy", &v1alpha1.TargetInventory{}, &v1alpha1.ScopedTokenBinding{}, &v1alpha1.AstroConnection{})
	wants("Inventories, bindings and connections have one share.", "busy", burst)
	tell(1, "other", &v1alpha1.TargetInventory{})
	wants("One namespace takes nothing from another.", "other", 1)
	tell(100, "", &v1alpha1.ClusterAstroConnection{})
	wants("What is in no namespace has a share.", "", burst)
	for i := range 20 {
		tell(burst, fmt.Sprint(i), &v1alpha1.ScopedTokenBinding{})
	}
	wants("There is a limit for all.", "19", 0)
	tell(1, "late", &v1alpha1.AstroConnection{})
	wants("Which is not for connections.", "late", 1)
	now = now.Add(time.Second)
	tell(2, "busy", &v1alpha1.TargetInventory{})
	wants("A trickle goes on.", "busy", burst+1)
}
