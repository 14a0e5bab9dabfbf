package decision

import (
	"fmt"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

func TestBounds(t *testing.T) {
	many := func(n int, on func(i int) roleset.Target) (all []part) {
		for i := range n {
			all = append(all, binding(fmt.Sprintf("b%04d", i)).on(on(i)))
		}
		return all
	}
	apart := func(i int) roleset.Target {
		return roleset.Target{Kind: astro.EntityWorkspace, ID: fmt.Sprintf("w%04d", i)}
	}
	t.Run("ClaimsOfAWrite", func(t *testing.T) {
		w := drive(t, situation(many(620, apart)...))
		var sizes []int
		for _, p := range w.posts {
			sizes = append(sizes, len(p.Changes))
		}
		differ(t, "A journal write and a write to Astro carry at most 250 new claims.", "changes of each write", []int{250, 250, 120}, sizes)
		differ(t, "All are told.", "entries left", 0, len(w.journal))
	})
	t.Run("ClaimsOnOnePlace", func(t *testing.T) {
		journaled := 0
		w := drive(t, situation(many(620, func(int) roleset.Target { return w1 })...))
		for _, post := range w.posts {
			for _, c := range post.Changes {
				journaled = max(journaled, len(c.Claims))
			}
		}
		if journaled > maxClaims {
			t.Errorf("one write carries %d new claims, want at most %d", journaled, maxClaims)
		}
		for name, state := range w.states() {
			if state != "True/Granted Held Created, changed" && state != "True/Granted Held Created" {
				t.Errorf("%s: %s", name, state)
			}
		}
	})
	t.Run("Slots", func(t *testing.T) {
		w := drive(t, situation(many(80, apart)...), func(w *driver) { w.refuse = func([]astro.Role) error { return errInvalid } })
		if len(w.posts) > maxSlots {
			t.Errorf("%d writes in one reconcile", len(w.posts))
		}
		if w.progress.Wake == 0 && len(w.progress.Errs) == 0 && len(w.progress.parts) > 0 {
			t.Error("what is left undone is not looked at again")
		}
	})
}

func TestNextReconcile(t *testing.T) {
	w := drive(t, situation(binding("a")), func(w *driver) { w.answer = func(int) error { return errLost } })
	w = drive(t, w.next(time.Second))
	differ(t, "A lost answer is recovered from the journal: the role is there, and is told as granted.", "effects",
		is{"Report", "Clear a"}, w.effects)
	differ(t, "It is the binding's own.", "states", so{"a": "True/Granted Held Created"}, w.states())
	w = drive(t, w.next(time.Minute))
	differ(t, "Then everything is at rest.", "effects", is{"Report"}, w.effects)
}
