package astro

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// TestNoMemoryIsLost: whatever becomes of listings, rows, credentials and connections, what is counted is what is held.
func TestNoMemoryIsLost(t *testing.T) {
	const most = 200 << 10
	for seed := range uint64(3) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 2))
			w := newBubbleWorld(astrosim.Options{})
			w.grow(40, 5)
			m := NewMemory(most)
			connect := func() *Directory { return w.of(m, []string{"", "a", "b"}[random.IntN(3)], most) }
			var all []*Directory
			for range 6 {
				all = append(all, connect())
			}
			complete, refused := 0, 0
			for range 150 {
				at := random.IntN(len(all))
				w.happen(t, random, all[at])
				if _, err := all[at].Refresh(t.Context()); err == nil {
					complete++
				} else if strings.Contains(err.Error(), "no memory is left") {
					refused++
				}
				if random.IntN(10) == 0 { // with another credential, a connection has another directory
					all[at].Close()
					all[at] = connect()
				}
				checkHeld(t, m, all)
			}
			if complete == 0 || refused == 0 {
				t.Errorf("seed %d: %d listings are complete, and %d are refused", seed, complete, refused)
			}
			for _, d := range all {
				d.Close()
			}
			if m.Held() != 0 {
				t.Errorf("seed %d: %d bytes are left", seed, m.Held())
			}
		})
	}
}

// TestClosedWhileItLists: what a listing has taken comes back when it ends, if its connection goes meanwhile.
func TestClosedWhileItLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{})
		w.grow(1500, 1)
		w.SetLatency(time.Second)
		m := NewMemory(8 << 20)
		d := w.of(m, "team", 8<<20)
		var under sync.WaitGroup
		under.Go(func() { _, _ = d.Refresh(t.Context()) })
		under.Go(func() { d.AlikeTargets(t.Context(), TargetQuery{Kind: EntityWorkspace, Name: "W1"}) })
		time.Sleep(1500 * time.Millisecond)
		d.Close()
		if m.Held() == 0 {
			t.Error("the rows that are being read are not counted any more")
		}
		under.Wait()
		d.Record(Token{ID: "late"}, time.Now())
		if m.Held() != 0 {
			t.Errorf("%d bytes are left", m.Held())
		}
	})
}

// happen is one thing that happens to what a directory knows.
func (w *world) happen(t *testing.T, random *rand.Rand, d *Directory) {
	t.Helper()
	w.ClearFaults()
	read, _ := d.client.GetToken(t.Context(), w.ci)
	switch random.IntN(8) {
	case 0:
		w.Inject(astrosim.Fault{Kind: astrosim.FaultHide, IDs: []string{w.ci}, KeepTotal: true})
	case 1:
		w.Inject(astrosim.Fault{Kind: astrosim.FaultHide, IDs: []string{w.ci}})
	case 2:
		w.AddOrganizationToken(w.org, fmt.Sprint("new-", strings.Repeat("x", random.IntN(3000))), "ORGANIZATION_MEMBER")
	case 3:
		w.GrantRole(w.ci, "WORKSPACE", w.AddWorkspace(w.org, fmt.Sprint(random.Uint64())), "WORKSPACE_MEMBER")
	case 4:
		read.Description = strings.Repeat("x", random.IntN(5000))
		d.Record(read, time.Now())
	case 5:
		d.Forget(w.ci, time.Now())
	case 6:
		d.ForgetRoles(w.ci, time.Now())
		d.Amend(read, time.Now())
	case 7:
		d.AlikeTargets(t.Context(), TargetQuery{Kind: EntityWorkspace, Name: "W1"})
	}
}

func checkHeld(t *testing.T, m *Memory, all []*Directory) {
	t.Helper()
	held := 0
	for _, d := range all {
		size := 0
		for _, r := range d.rows {
			size += r.token.size()
		}
		if size != d.size || d.held.bytes < d.size {
			t.Fatalf("rows of %d bytes are counted as %d, for which %d are held", size, d.size, d.held.bytes)
		}
		if d.held.bytes > withNext(size) {
			t.Fatalf("for rows of %d bytes %d are held", size, d.held.bytes)
		}
		held += d.held.bytes
		for _, names := range d.alike.targets {
			held += names.held.bytes
		}
	}
	if held != m.Held() {
		t.Fatalf("%d bytes are held, and %d counted", held, m.Held())
	}
}
