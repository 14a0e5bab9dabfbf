package token

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/scopedtoken/scopedtoken-operator/internal/journal"
)

// TestRemovalWithoutSight: who does not see the bindings of every namespace ends a removal before he reads anything, which may be in a
// namespace that is not watched.
func TestRemovalWithoutSight(t *testing.T) {
	pages := fake.NewClientBuilder().Build()
	j, err := journal.Open(t.Context(), pages, pages, journal.Options{Namespace: "system", Instance: "operator", Writer: "test"})
	if err != nil {
		t.Fatal(err)
	}
	r := &Reconciler{Partial: true, orphans: newOrphans(nil, nil)} // without a client to read with
	r.opened.Store(j)
	e := journal.Entry{UID: "u", Namespace: "elsewhere", Name: "data", Removal: "value"}
	key := tokenKey("astro", "org", "token")
	r.orphans.addRemoval(key, bindingOf(key, e))
	if _, asks, err := r.asksFor(t.Context(), key, e); asks || err != nil {
		t.Errorf("it is asked for: %t, %v", asks, err)
	}
	if r.orphans.has(key, types.UID("u")) {
		t.Error("it is waited for still")
	}
}
