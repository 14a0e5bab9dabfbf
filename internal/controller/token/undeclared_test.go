package token

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

// TestRemovalWithoutSight: who does not see the bindings of every namespace ends a removal before he reads anything, which may be in a
// namespace that is not watched.
func TestRemovalWithoutSight(t *testing.T) {
	r := &Reconciler{Namespaces: []string{"team"}, orphans: newOrphans(nil, nil)} // without a client to read with
	v, key := decision.Removal{Inventory: "u", Namespace: "elsewhere", Name: "data", Confirmed: "value"}, tokenKey("astro", "org", "token")
	r.orphans.addRemoval(key, v, time.Now())
	if got := r.Removing("u"); len(got) != 1 || got["token"] != v || len(r.Removing("other")) != 0 {
		t.Errorf("under way: %v", got)
	}
	old := r.orphans.of(key)[0]
	r.orphans.addRemoval(key, v, time.Now())
	if _, asks, err := r.asksFor(t.Context(), key, old); asks || err != nil || !r.orphans.has(key, types.UID("u")) {
		t.Errorf("it is asked for: %t, %v; or another that took its place is forgotten", asks, err)
	}
	if _, asks, err := r.asksFor(t.Context(), key, r.orphans.of(key)[0]); asks || err != nil {
		t.Errorf("it is asked for: %t, %v", asks, err)
	}
	if r.orphans.has(key, types.UID("u")) {
		t.Error("it is waited for still")
	}
}
