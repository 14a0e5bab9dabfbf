package astro

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// TestUpdateReadsAgainAfterAPause stops between read and write, as a process that is frozen does; another writes meanwhile.
func TestUpdateReadsAgainAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{})
		other := w.AddWorkspace(w.org, "other")
		decide, paused := add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")), false
		u, err := w.client.UpdateRoles(t.Context(), w.ci, func(now Token) ([]Role, bool) {
			if !paused {
				paused = true
				w.Grant(w.ci, astrosim.WorkspaceRole(other, "WORKSPACE_OWNER"))
				time.Sleep(freshFor + 50*time.Millisecond)
			}
			return decide(now)
		})
		if err != nil || !u.Confirmed {
			t.Fatalf("got %+v, %v", u, err)
		}
		if got := w.RoleOn(w.ci, astrosim.TypeWorkspace, other); got != "WORKSPACE_OWNER" {
			t.Errorf("what was granted in the pause is %q", got)
		}
		if gets, posts := w.wire.count(http.MethodGet), w.wire.count(http.MethodPost); gets != 2 || posts != 1 {
			t.Errorf("%d GETs and %d POSTs", gets, posts)
		}
	})
}

// TestFence lets nothing be written while it is shut, and everything be read.
func TestFence(t *testing.T) {
	shut := errors.New("somebody else may lead")
	w := newWorld(t, astrosim.Options{}, func(o *Options) { o.Fence = func() error { return shut } })
	u, err := w.client.UpdateRoles(t.Context(), w.ci, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")))
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), shut.Error()) || u.Attempted {
		t.Errorf("got %+v, %v", u, err)
	}
	if _, err := w.client.GetToken(t.Context(), w.ci); err != nil {
		t.Error(err)
	}
	if n := w.wire.count(http.MethodPost); n != 0 {
		t.Errorf("%d POSTs", n)
	}
	shut = nil
	if u, err = w.client.UpdateRoles(t.Context(), w.ci, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER"))); err != nil || !u.Confirmed {
		t.Errorf("got %+v, %v", u, err)
	}
}
