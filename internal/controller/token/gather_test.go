package token

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

func TestBindingsAreInTheOrderOfTheirIDs(t *testing.T) {
	var bindings []decision.Binding
	for _, id := range [][2]string{{"b", "a"}, {"a", "z"}, {"a-b", "m"}, {"a", "b"}, {"a", "c"}, {"b", "B"}} {
		b := &v1alpha1.ScopedTokenBinding{}
		b.Namespace, b.Name = id[0], id[1]
		bindings = append(bindings, decision.Binding{Object: b})
	}
	gone := &v1alpha1.ScopedTokenBinding{} // an orphan goes by its UID
	gone.Namespace, gone.Name, gone.UID = "a", "b", "a/bb"
	bindings = append(bindings, decision.Binding{Object: gone, Orphan: true})
	ids := func(all []decision.Binding) (ids []string) {
		for i := range all {
			ids = append(ids, all[i].ID())
		}
		return ids
	}
	want := ids(bindings)
	slices.Sort(want)
	if diff := cmp.Diff(want, ids(inOrder(bindings))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
