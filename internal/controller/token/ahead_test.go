package token

import (
	"fmt"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// groupOn is a group that looks for so many Deployments by their ids.
func groupOn(token, targets int) group {
	g := group{
		key:     tokenKey("https://api.astronomer.io", "clorganization000000000000", fmt.Sprintf("cltoken%018d", token)),
		handles: map[string]connection.Handle{acme.String(): {Directory: astro.NewDirectory(nil, astro.DirectoryOptions{})}},
	}
	for range targets {
		b := bindingIn("team", g.key.Token)
		g.bindings = append(g.bindings, decision.Binding{Object: b, Connection: decision.Connection{
			ID: acme.String(), Object: connectionOfAcme(builders.AllowAll("team")), Ready: true, Host: g.key.Host, Organization: g.key.Organization,
		}})
	}
	return g
}

func TestAheadExpectsWhoIsNext(t *testing.T) {
	a, next := newAhead(), []TokenKey{}
	for i := range 2 * lookAhead {
		g := groupOn(i, 1)
		a.wait(g)
		next = append(next, g.key)
	}
	nothing := groupOn(99, 0)
	if a.wait(nothing); len(a.waiting) != 2*lookAhead {
		t.Errorf("%d wait, want those that look for something", len(a.waiting))
	}
	if !a.enter(nothing.key) { // so many wait
		t.Error("nobody is expected, and nobody is to be, though tokens wait")
	}
	a.expect(append(next[:lookAhead:lookAhead], nothing.key))
	if len(a.expected) != lookAhead {
		t.Errorf("%d are expected", len(a.expected))
	}
	for i, key := range next[:lookAhead] {
		if low := a.enter(key); low != (i >= lookAhead/2) {
			t.Errorf("low after %d: %t", i+1, low)
		}
	}
	for _, key := range next[lookAhead:] {
		a.enter(key)
	}
	if len(a.waiting)+len(a.expected) > 0 {
		t.Errorf("something is left: %v", a)
	}
}

func TestAheadLeavesOutWhatIsLookedUpAnew(t *testing.T) {
	a, g := newAhead(), groupOn(1, 3)
	g.bindings[0].Object.Annotations = map[string]string{"astro.scopedtoken.dev/requestedAt": time.Now().String()}
	g.bindings[1].Connection.Ready = false
	if a.wait(g); len(a.waiting[g.key]) != 1 {
		t.Errorf("waits for %v, want the one that a lookup of others can answer", a.waiting[g.key])
	}
}
