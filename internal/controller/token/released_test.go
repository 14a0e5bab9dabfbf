package token

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"
)

// TestReleased: a binding that the operator let go makes no orphan when it goes, and of those that were gone before nothing stays.
func TestReleased(t *testing.T) {
	o, now := newOrphans(nil, func(types.UID) bool { return false }), time.Unix(1000, 0)
	for i := range 3 * manyReleased {
		now = now.Add(deletionSeen / manyReleased)
		o.release(types.UID(fmt.Sprintf("gone%d", i)), now)
	}
	if n := len(o.released); n > manyReleased+1 {
		t.Errorf("%d are remembered", n)
	}
	let := claimed("team", fmt.Sprintf("gone%d", 3*manyReleased-1))
	if o.deleted(event.DeleteEvent{Object: let}) != nil {
		t.Error("a binding that was let go just now is an orphan")
	}
	if o.deleted(event.DeleteEvent{Object: claimed("team", "stripped")}) == nil {
		t.Error("a binding whose finalizer somebody took off is none")
	}
}
