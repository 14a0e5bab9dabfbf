package astro

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestAnUrgentUpdateGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{}, func(o *Options) { o.Limiter = newLimiter(systemClock{}, 1e6, 1) })
		grant := func(now Token) ([]Role, bool) {
			return append(now.Roles, NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")), true
		}
		for range 30 {
			id := w.AddOrganizationToken(w.org, "other", "ORGANIZATION_MEMBER")
			go func() { _, _ = w.client.UpdateRoles(t.Context(), id, grant) }()
		}
		synctest.Wait()
		began := time.Now()
		if _, err := w.client.UpdateRoles(Urgent(t.Context()), w.ci, grant); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited > 3*time.Second {
			t.Errorf("the urgent update waited %s", waited)
		}
		time.Sleep(time.Minute)
	})
}
