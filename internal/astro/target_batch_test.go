package astro

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestExpectedTargetsShareTheCallsOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{Latency: 80 * time.Millisecond})
		d := w.directory()
		deployment := func(name string) TargetQuery {
			w.AddDeployment(w.ws, name)
			return TargetQuery{Kind: EntityDeployment, Name: name, WorkspaceID: w.ws}
		}
		var queries []TargetQuery
		for i := range 3 * maxBatch {
			queries = append(queries, deployment(fmt.Sprint("dep", i)))
		}
		for _, q := range queries {
			d.ExpectTarget(q)
			d.ExpectTarget(q)
		}
		d.ExpectTarget(TargetQuery{Kind: EntityWorkspace, ID: w.ws}) // shares no call with names of Deployments
		time.Sleep(time.Second)
		if n := w.wire.count(http.MethodGet); n != 0 {
			t.Errorf("%d calls for what nobody asks yet", n)
		}
		calls := func(of []TargetQuery) int {
			before := w.wire.count(http.MethodGet)
			var wg sync.WaitGroup
			for _, q := range of {
				wg.Go(func() {
					if found, err := d.Targets(t.Context(), q); err != nil || len(found) != 1 {
						t.Errorf("%+v: %v, %v", q, found, err)
					}
				})
			}
			wg.Wait()
			return w.wire.count(http.MethodGet) - before
		}
		if n := calls(queries[2*maxBatch-1:][:1]); n != 1 {
			t.Errorf("%d calls for the first", n)
		}
		for _, q := range queries[2*maxBatch:] { // asked by themselves, they are expected no more
			_ = calls([]TargetQuery{q})
		}
		if n := calls(queries[:maxBatch-1]); n != 0 {
			t.Errorf("%d calls for those that the first had room for", n)
		}
		if n := calls(queries); n != 0 {
			t.Errorf("%d calls for what is known", n)
		}
		if got := w.wire.count(http.MethodGet); got > 5 {
			t.Errorf("%d calls for %d names", got, len(queries))
		}
	})
}

func TestSoon(t *testing.T) {
	all := func(TargetQuery) bool { return true }
	names := batchKey{EntityDeployment, true}
	query := func(name string) TargetQuery { return TargetQuery{Kind: EntityDeployment, Name: name} }
	s := newSoon()
	for _, name := range []string{"a", "b", "c", "b"} {
		s.add(query(name))
	}
	s.add(TargetQuery{Kind: EntityDeployment, ID: "i"})
	s.drop(query("a"))
	if _, more := s.next(names, func(TargetQuery) bool { return false }); more {
		t.Error("took one for which there is no room")
	}
	var got []string
	for q, more := s.next(names, all); more; q, more = s.next(names, all) {
		got = append(got, q.Name)
	}
	if strings.Join(got, " ") != "b c" {
		t.Errorf("got %v, want those that were not dropped, once, the earliest first", got)
	}
	for i := range maxSoon + 1 {
		s.add(query(fmt.Sprint(i)))
	}
	if len(s.wanted) != maxSoon+1 { // and the id
		t.Errorf("keeps %d", len(s.wanted))
	}
}

func TestBatches(t *testing.T) {
	long, lookups := strings.Repeat("ü", 500), []*lookup{}
	for i := range 150 {
		lookups = append(lookups, &lookup{query: TargetQuery{Kind: EntityDeployment, ID: fmt.Sprint(i)}})
	}
	lookups = append(lookups, &lookup{query: TargetQuery{Kind: EntityDeployment, Name: long}}, &lookup{query: TargetQuery{Kind: EntityDeployment, Name: long}},
		&lookup{query: TargetQuery{Kind: EntityDeployment, Name: long + long + long}})
	var sizes []int
	for _, b := range batches(lookups) {
		sizes = append(sizes, len(b.lookups))
	}
	if fmt.Sprint(sizes) != "[100 51 1 1]" {
		t.Errorf("got %v", sizes)
	}
}
