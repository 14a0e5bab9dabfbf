package astro

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestExpectedTargetsFillCallsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{Latency: 80 * time.Millisecond})
		d := w.directory()
		named := func(i int) TargetQuery {
			return TargetQuery{Kind: EntityDeployment, Name: fmt.Sprint("dep", i), WorkspaceID: w.ws}
		}
		var all []TargetQuery
		for i := range 250 {
			w.AddDeployment(w.ws, named(i).Name)
			all = append(all, named(i))
		}
		look := func(from, to int) (calls int) {
			t.Helper()
			before := w.wire.count(http.MethodGet)
			var wg sync.WaitGroup
			for i := from; i < to; i++ {
				wg.Go(func() {
					if found, err := d.Targets(t.Context(), named(i)); err != nil || len(found) != 1 || found[0].Name != named(i).Name {
						t.Error(i, found, err)
					}
				})
			}
			wg.Wait()
			return w.wire.count(http.MethodGet) - before
		}
		d.ExpectTargets(all...)
		d.ExpectTargets(all...)
		steps := []struct {
			reason   string
			from, to int
			calls    int
		}{
			{"What is expected makes no call, and fills up the one that is made.", 0, 1, 1},
			{"It is known by then.", 1, 100, 0},
			{"A call takes a hundred.", 100, 101, 1},
			{"One that asks for something else takes the rest along.", 200, 201, 1},
			{"So that all are known.", 101, 250, 0},
		}
		for _, s := range steps {
			if calls := look(s.from, s.to); calls != s.calls {
				t.Errorf("%s %d calls for %d to %d, want %d", s.reason, calls, s.from, s.to, s.calls)
			}
		}
		d.ExpectTargets(all...)
		time.Sleep(time.Minute)
		if calls := look(0, 1); calls != 1 {
			t.Errorf("an answer that was asked for is kept for its time only: %d calls", calls)
		}
		d.targets.nextRound()
		d.ExpectTargets(named(300))
		d.targets.nextRound()
		if len(d.targets.soon) != 0 {
			t.Error("what nobody asked for is still expected after a sweep")
		}
	})
}
