package token

import (
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

func TestHanded(t *testing.T) {
	name, key := TokenKey{Organization: "clo1", NameRef: pin.NameRef{Name: "ci"}}, tokenKey("h", "clo1", "clt1")
	b := builders.Binding("b").In("team").ForToken("ci").OnDeployment("cld1").Object()
	b.UID, b.Generation, b.Status.ObservedGeneration = "u1", 1, -1
	told, claimed := b.DeepCopy(), b.DeepCopy()
	told.UID, told.Status.ObservedGeneration, claimed.UID = "u2", 1, "u3"

	h := newHanded()
	h.note(name, key, &decision.Binding{Object: told})
	h.note(name, key, &decision.Binding{Object: claimed, Claim: &pin.Claim{}})
	if over := h.over(key); len(over) != 0 {
		t.Errorf("%d bindings are remembered whose status tells of them, or that hold a claim", len(over))
	}
	h.note(name, key, &decision.Binding{Object: b})
	over := h.over(key)
	if over["u1"].from != name || over["u1"].object.Name != "b" || len(over) != 1 {
		t.Errorf("got %v", over)
	}
	next := b.DeepCopy()
	next.UID = "u4"
	h.note(name, key, &decision.Binding{Object: next})
	h.done(key, over)
	if left := h.over(key); len(left) != 1 || left["u4"].from != name {
		t.Errorf("what was handed over meanwhile is to be left, got %v", left)
	}
	if h.done(key, h.over(key)); len(h.to) != 0 {
		t.Errorf("%d tokens are remembered to which nothing is handed over", len(h.to))
	}
}
