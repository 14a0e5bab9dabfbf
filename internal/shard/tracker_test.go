package shard

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

func TestStages(t *testing.T) {
	cluster := func(shard string, proven bool) v1alpha1.Connection {
		return conn("", "cluster", "o", shard, proven, time.Hour)
	}
	team := func(shard string, proven bool) v1alpha1.Connection {
		return conn("team", "team", "o", shard, proven, 2*time.Hour)
	}
	cases := map[string]struct {
		reason string
		all    []v1alpha1.Connection
		want   []Stage // of each, for shard=a, after the handover
	}{
		"Own":        {"What the selector matches is served.", []v1alpha1.Connection{cluster("a", true)}, []Stage{Serving}},
		"Foreign":    {"What it does not match is left alone.", []v1alpha1.Connection{cluster("b", true)}, []Stage{Foreign}},
		"Unlabelled": {"So is what has no label.", []v1alpha1.Connection{cluster("", true)}, []Stage{Foreign}},
		"Follows": {
			"A connection follows the one that decides, whatever its own label is.",
			[]v1alpha1.Connection{cluster("a", true), team("b", true)}, []Stage{Serving, Serving},
		},
		"LedAway": {
			"Its own label does not keep it from following elsewhere.",
			[]v1alpha1.Connection{cluster("b", true), team("a", true)}, []Stage{Foreign, Foreign},
		},
		"Squatter": {
			"Who only names an Organization can neither move it nor stay behind.",
			[]v1alpha1.Connection{cluster("b", false), team("a", true)}, []Stage{Serving, Serving},
		},
		"Unproven": {
			"Until a credential is proven every connection speaks for itself, so that a squatter's label keeps nobody from being proven.",
			[]v1alpha1.Connection{cluster("b", false), team("a", false)}, []Stage{Foreign, Proving},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := &clock{epoch}
			tr := tracker(t, "shard=a", c)
			for _, o := range tc.all {
				tr.Set(o)
			}
			tr.Synced()
			c.tick(handover)
			var got []Stage
			for _, o := range tc.all {
				got = append(got, stageOf(t, tr, o))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestHandover(t *testing.T) {
	c := &clock{epoch}
	tr := tracker(t, "shard=a", c)
	tr.Synced()
	expect := func(reason string, shard string, want Turn) {
		t.Helper()
		tr.Set(conn("", "c", "o", shard, true, 0))
		_, done, got := tr.Connection(t.Context(), Key{Kind: v1alpha1.KindClusterAstroConnection, Name: "c"})
		_, also, claims := tr.Organization(t.Context(), org("o"))
		done()
		also()
		if got != want || claims != want {
			t.Errorf("%s: want %v, got %v for the connection and %v for claims", reason, want, got, claims)
		}
	}
	expect("at first", "a", Turn{Stage: Waiting, Left: handover})
	c.tick(10 * time.Second)
	expect("soon", "a", Turn{Stage: Waiting, Left: 5 * time.Second})
	c.tick(5 * time.Second)
	expect("then", "a", Turn{Stage: Serving})
	tr.Set(conn("team", "later", "o", "b", false, 0))
	expect("joined by another connection", "a", Turn{Stage: Serving})
	expect("moved away", "b", Turn{Stage: Foreign})
	expect("moved back", "a", Turn{Stage: Waiting, Left: handover})
}

func TestTurnEnds(t *testing.T) {
	ends := map[string]func(*Tracker){
		"Label":  func(tr *Tracker) { tr.Set(conn("", "c", "o", "b", true, 0)) },
		"Delete": func(tr *Tracker) { tr.Delete(conn("", "c", "o", "a", true, 0)) },
		"Decider": func(tr *Tracker) {
			tr.Set(conn("", "older", "o", "b", true, time.Hour))
		},
		"Remade": func(tr *Tracker) { tr.Set(conn("", "c", "another", "a", true, 0)) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			c := &clock{epoch}
			tr := tracker(t, "shard=a", c)
			tr.Set(conn("", "c", "o", "a", true, 0))
			tr.Synced()
			c.tick(handover)
			ctx, done, turn := tr.Organization(t.Context(), org("o"))
			defer done()
			if turn.Stage != Serving || ctx.Err() != nil {
				t.Fatalf("not served: %v, %v", turn, ctx.Err())
			}
			end(tr)
			select {
			case <-ctx.Done():
			case <-time.After(5 * time.Second):
				t.Fatal("the work goes on although the Organization is another's")
			}
			if cause := context.Cause(ctx); !errors.Is(cause, ErrMoved) {
				t.Errorf("want %v, got %v", ErrMoved, cause)
			}
		})
	}
}

func TestNothingIsServedBeforeAllIsKnown(t *testing.T) {
	tr := tracker(t, "", &clock{epoch})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, _, turn := tr.Organization(ctx, org("o")); turn.Stage != Foreign {
		t.Errorf("want %v, got %v", Foreign, turn)
	}
}

func TestListeners(t *testing.T) {
	c := &clock{epoch}
	tr := tracker(t, "shard=a", c)
	tr.Synced()
	var told []string
	tr.Listen(func(k Key) { told = append(told, k.Name) })
	steps := []struct {
		reason string
		do     func()
		want   []string
	}{
		{"A new connection may have been asked for in vain.", func() { tr.Set(conn("", "c", "o", "b", true, time.Hour)) }, []string{"c"}},
		{"So may another.", func() { tr.Set(conn("team", "d", "o", "a", true, 0)) }, []string{"d"}},
		{"Nothing changes.", func() { tr.Set(conn("", "c", "o", "b", true, time.Hour)) }, nil},
		{"The label that decides moves both.", func() { tr.Set(conn("", "c", "o", "a", true, time.Hour)) }, []string{"c", "d"}},
		{"The other label decides nothing.", func() { tr.Set(conn("team", "d", "o", "b", true, 0)) }, nil},
		{"A connection that is made again may be asked for in vain, too.", func() {
			tr.Delete(conn("team", "d", "o", "b", true, 0))
			tr.Set(conn("team", "d", "o", "b", true, 0))
		}, []string{"d"}},
		{"It does once it is alone.", func() { tr.Delete(conn("", "c", "o", "a", true, time.Hour)) }, []string{"d"}},
	}
	for _, s := range steps {
		told = nil
		s.do()
		slices.Sort(told)
		if !slices.Equal(told, s.want) {
			t.Errorf("%s\nwant %v, got %v", s.reason, s.want, told)
		}
	}
}

func TestWithoutConnection(t *testing.T) {
	for selector, want := range map[string]Stage{"shard=a": Foreign, "shard notin (a)": Serving, "!shard": Serving, "": Serving} {
		tr := tracker(t, selector, &clock{epoch})
		tr.Synced()
		if _, _, turn := tr.Organization(t.Context(), Organization{}); turn.Stage != want {
			t.Errorf("%q: want %v, got %v", selector, want, turn.Stage)
		}
		if tr.Speaks(org("nobody's"), Key{Name: "none"}) != (want == Serving) {
			t.Errorf("%q: a claim in an Organization without connections is spoken for otherwise", selector)
		}
	}
}

func TestNilServesEverything(t *testing.T) {
	var tr *Tracker
	_, done, turn := tr.Organization(t.Context(), org("o"))
	done()
	if turn.Stage != Serving || !tr.Speaks(org("o"), Key{}) || stageOf(t, tr, conn("", "c", "o", "b", false, 0)) != Serving {
		t.Errorf("got %v", turn)
	}
}
