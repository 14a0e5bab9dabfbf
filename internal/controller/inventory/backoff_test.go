package inventory

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scopedtoken/scopedtoken-operator/internal/controller/quota"
)

// TestFailuresCountWhileAnInventoryWaitsForItsPlace: else those of a namespace that has many of them would ask Astro all the time.
func TestFailuresCountWhileAnInventoryWaitsForItsPlace(t *testing.T) {
	of := func(name string) reconcile.Request {
		return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: "busy", Name: name}}
	}
	r := &Reconciler{places: quota.NewPlaces(1, func(reconcile.Request) {})}
	b := r.backoff()
	b.When(of("failing"))
	r.places.Take("busy", of("first"))
	r.places.Take("busy", of("failing"))
	if b.Forget(of("failing")); b.NumRequeues(of("failing")) != 1 {
		t.Error("it is forgotten that an inventory has failed which waits for its place")
	}
	r.places.Leave("busy", of("first"))
	if b.Forget(of("failing")); b.NumRequeues(of("failing")) != 1 {
		t.Error("it is forgotten that an inventory has failed which has its place, and was not looked at yet")
	}
	r.places.Leave("busy", of("failing"))
	if b.Forget(of("failing")); b.NumRequeues(of("failing")) != 0 {
		t.Error("it is not forgotten that an inventory has failed which was looked at since")
	}
}
