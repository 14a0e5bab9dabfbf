package quota

import (
	"fmt"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

func TestPlacesAreOneNamespaces(t *testing.T) {
	var called []string
	p := NewPlaces(2, func(k types.NamespacedName) { called = append(called, k.Name) })
	of := func(namespace, name string) types.NamespacedName {
		return types.NamespacedName{Namespace: namespace, Name: name}
	}
	leave := func(namespace, name string) { p.Leave(namespace, of(namespace, name)) }
	has := func(namespace, name string, want bool) {
		t.Helper()
		if got := p.Has(namespace, of(namespace, name)); got != want {
			t.Errorf("%s/%s waits or has a place: %t", namespace, name, got)
		}
	}
	takes := func(namespace, name string, want bool) {
		t.Helper()
		if got := p.Take(namespace, of(namespace, name)); got != want {
			t.Errorf("%s/%s is looked at: %t", namespace, name, got)
		}
	}
	expect := func(when string, want ...string) {
		t.Helper()
		if !slices.Equal(called, want) {
			t.Errorf("%s: %q are called, want %q", when, called, want)
		}
		called = nil
	}
	for i, placed := range []bool{true, true, false, false, false, false} {
		takes("busy", fmt.Sprint(i), placed)
	}
	takes("busy", "3", false) // waits once, wherever it is in the line
	takes("other", "0", true)
	for i := range 5 {
		takes("", fmt.Sprint(i), true)
	}
	expect("nobody has left")
	has("busy", "0", true)
	has("busy", "3", true)
	has("busy", "7", false)
	has("none", "0", false)
	leave("busy", "3")
	expect("one that waits is gone")
	has("busy", "3", false)
	leave("busy", "0")
	expect("one has left", "2")
	takes("busy", "0", false) // comes last
	takes("busy", "2", true)
	leave("busy", "1")
	leave("busy", "2")
	expect("two have left", "4", "5")
	takes("busy", "6", false) // the two have their places already, whenever they come
	leave("busy", "5")
	leave("busy", "4")
	expect("two have left again", "0", "6")
	for _, k := range []types.NamespacedName{of("busy", "0"), of("busy", "6"), of("other", "0"), of("", "0"), of("none", "0")} {
		leave(k.Namespace, k.Name)
	}
	expect("the line is empty")
	if len(p.all) != 0 {
		t.Errorf("%d namespaces are remembered, in which nothing goes on", len(p.all))
	}
}
