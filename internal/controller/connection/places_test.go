package connection

import (
	"fmt"
	"slices"
	"testing"
)

func TestPlacesAreOneNamespaces(t *testing.T) {
	var called []string
	p := newPlaces(2, func(k Key) { called = append(called, k.Name) })
	of := func(namespace, name string) Key { return Key{Namespace: namespace, Name: name} }
	takes := func(namespace, name string, want bool) {
		t.Helper()
		if got := p.take(of(namespace, name)); got != want {
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
	p.leave(of("busy", "3"))
	expect("one that waits is gone")
	p.leave(of("busy", "0"))
	expect("one has left", "2")
	takes("busy", "0", false) // comes last
	takes("busy", "2", true)
	p.leave(of("busy", "1"))
	p.leave(of("busy", "2"))
	expect("two have left", "4", "5")
	takes("busy", "6", false) // the two have their places already, whenever they come
	p.leave(of("busy", "5"))
	p.leave(of("busy", "4"))
	expect("two have left again", "0", "6")
	for _, k := range []Key{of("busy", "0"), of("busy", "6"), of("other", "0"), of("", "0"), of("none", "0")} {
		p.leave(k)
	}
	expect("the line is empty")
	if len(p.all) != 0 {
		t.Errorf("%d namespaces are remembered, in which nothing goes on", len(p.all))
	}
}
