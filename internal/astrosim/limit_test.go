package astrosim_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestPublishedLimits(t *testing.T) {
	for _, window := range []string{"Bucket", "Sliding", "Fixed"} {
		t.Run(window, func(t *testing.T) {
			w := newWorld(t, astrosim.Options{Limits: astrosim.PublishedLimits(), Behaviour: withBehaviour(t, "limit-window="+window)})
			passed := func(method, path string) (n int) {
				for range 40 {
					if w.do(method, path, "").status != http.StatusTooManyRequests {
						n++
					}
				}
				return n
			}
			for range 2 {
				get, post, del := passed(http.MethodGet, ""), passed(http.MethodPost, "/tokens"), passed(http.MethodDelete, "/tokens/none")
				if get != 25 || post != 10 || del != 5 {
					t.Errorf("of 40 each passed: GET %d, POST %d, DELETE %d", get, post, del)
				}
				w.clock.advance(time.Second)
			}
			w.clock.advance(100 * time.Millisecond)
			w.SetLimits(astrosim.Limits{})
			if n := passed(http.MethodGet, ""); n != 40 {
				t.Errorf("without limits passed %d of 40", n)
			}
		})
	}
}

func TestLatencyAndCounts(t *testing.T) {
	w := newWorld(t, astrosim.Options{Latency: 30 * time.Millisecond})
	start := time.Now()
	r := w.get("/tokens")
	if took := time.Since(start); took < 30*time.Millisecond {
		t.Errorf("answered after %s", took)
	}
	w.SetLatency(0)
	w.get("/tokens/none")
	w.setRoles(w.ci, w.orgRole())
	c := w.Counts()
	if c.Total != 3 || c.ByMethod["GET"] != 2 || c.Writes() != 1 || c.ByEndpoint[astrosim.TokensList] != 1 || c.ByStatus[404] != 1 ||
		c.Outcomes[astrosim.TokensRoles][200] != 1 || c.BytesSent < int64(len(r.body)) {
		t.Errorf("got %+v", c)
	}
	w.ResetCounts()
	if c := w.Counts(); c.Total != 0 || len(c.ByMethod) != 0 {
		t.Errorf("after the reset: %+v", c)
	}
}

func TestResetGoesBackToTheCheckpoint(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	w.Checkpoint()
	w.GrantRole(w.ci, astrosim.TypeWorkspace, w.ws, "WORKSPACE_OWNER")
	w.DeleteToken(w.wsToken)
	w.DeleteWorkspace(w.ws2)
	w.RenameCustomRole(w.org, "Deploy Only", "x")
	w.Inject(astrosim.Fault{Kind: astrosim.FaultForbidden})
	w.Reset()
	if got := w.get("/tokens").page(t).names(); got != "operator ci ws-ci dep-ci" {
		t.Errorf("tokens: %s", got)
	}
	if got := w.get("/workspaces").page(t).names() + "|" + w.get("/roles").page(t).names(); got != "data Data Science|Deploy Only Restricted" {
		t.Errorf("got %s", got)
	}
	if w.RoleOn(w.ci, astrosim.TypeWorkspace, w.ws) != "" || len(w.Audit()) != 0 {
		t.Error("roles or audit are not as at the checkpoint")
	}
}
