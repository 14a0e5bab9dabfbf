package main

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// A binding that was about to be given a role comes to observe. Once the operator has said so, the role stays on purpose.
func TestWhoObservesLeavesTheRole(t *testing.T) {
	at := place{"t", "WORKSPACE", "w"}
	for what, c := range map[string]struct {
		patch string
		edit  func(*v1alpha1.ScopedTokenBinding)
		want  bool
	}{
		"Enforces":     {"status", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Mode = v1alpha1.ModeEnforce }, false},
		"NotSeenYet":   {"status", func(b *v1alpha1.ScopedTokenBinding) { b.Generation++ }, false},
		"Finalizer":    {"finalizer", func(*v1alpha1.ScopedTokenBinding) {}, false},
		"Said":         {"status", func(*v1alpha1.ScopedTokenBinding) {}, true},
		"FinalizerOff": {"release", func(*v1alpha1.ScopedTokenBinding) {}, true},
	} {
		b := &v1alpha1.ScopedTokenBinding{}
		b.UID, b.Generation, b.Status.ObservedGeneration, b.Spec.Mode = "u", 1, 1, v1alpha1.ModeObserve
		c.edit(b)
		f := newFacts()
		f.enter(at, []types.UID{b.UID})
		f.hold(c.patch, b, nil)
		if got := f.everHeld()[at]; got != c.want {
			t.Errorf("%s: the role stays on purpose: %t", what, got)
		}
	}
}

// A binding vanishes while it observes, before the operator, which has not heard of either, enters it into its journal.
func TestWhoObservedAndVanishedLeavesTheRole(t *testing.T) {
	at := place{"t", "WORKSPACE", "w"}
	for mode, want := range map[v1alpha1.Mode]bool{v1alpha1.ModeEnforce: false, v1alpha1.ModeObserve: true} {
		b := &v1alpha1.ScopedTokenBinding{}
		b.UID, b.Spec.Mode = "u", mode
		f := newFacts()
		f.observe(b)
		f.vanish(b, nil)
		f.enter(at, []types.UID{b.UID})
		if h, known := f.holderOf(b.UID); !known || h.retains != want {
			t.Errorf("%s: the role stays on purpose: %t", mode, h.retains)
		}
	}
}
