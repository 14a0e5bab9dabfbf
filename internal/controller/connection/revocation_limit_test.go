package connection

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/measure"
)

// limitStep is one thing that happens to a limit of three revocations a minute, and whether it lets through afterwards.
type limitStep struct {
	after   time.Duration // what passes before
	grants  string        // one letter each
	lift    time.Duration // from now on for so long
	limit   int           // a new one; -1: none
	release bool          // the controller looks, with so many waiting
	waiting int
	want    bool // asked: let through; release: paused
}

func ask(grants string, want bool) limitStep { return limitStep{grants: grants, want: want} }

func (s limitStep) apply(r *Registry, k Key) bool {
	if s.release {
		paused, _ := r.limits.resume(k, map[string]int{"data": s.waiting}, 1)
		return paused.all
	}
	return r.MayRevoke(k, "data", strings.Split(s.grants, "")...)
}

func TestRevocationLimit(t *testing.T) {
	paused := []limitStep{ask("abc", true), ask("d", false)}
	cases := map[string]struct {
		reason    string
		wasPaused bool
		steps     []limitStep
	}{
		"Within":      {reason: "As many as the limit go through.", steps: []limitStep{ask("a", true), ask("bc", true)}},
		"Above":       {reason: "One more does not.", steps: paused},
		"Latched":     {reason: "And then none, however much time passes.", steps: append(paused, limitStep{after: time.Hour, grants: "e"}, ask("a", false))},
		"Whole":       {reason: "What does not fit as a whole does not go through in part.", steps: []limitStep{ask("ab", true), ask("cd", false)}},
		"TooMany":     {reason: "Not even as the first.", steps: []limitStep{ask("abcd", false), ask("a", false)}},
		"Again":       {reason: "What is tried again counts once.", steps: []limitStep{ask("ab", true), ask("ab", true), ask("aab", true), ask("abc", true)}},
		"Slowly":      {reason: "A limit an interval is none on the whole.", steps: []limitStep{ask("abc", true), {after: time.Minute, grants: "def", want: true}}},
		"Sliding":     {reason: "The interval has no beginning.", steps: []limitStep{ask("a", true), {after: 40 * time.Second, grants: "bc", want: true}, {after: 30 * time.Second, grants: "d", want: true}, ask("e", false)}},
		"Lifted":      {reason: "A limit that is lifted does not count.", steps: append(paused, limitStep{lift: time.Hour, grants: "efghi", want: true})},
		"LiftedPast":  {reason: "A time that has passed lifts nothing.", steps: append(paused, limitStep{lift: -time.Second, grants: "d"})},
		"LiftEnds":    {reason: "The limit counts again afterwards, from nothing.", steps: append(paused, limitStep{lift: 5 * time.Second, grants: "efghi", want: true}, limitStep{release: true, waiting: 9}, limitStep{after: 10 * time.Second, grants: "jkl", want: true}, ask("m", false))},
		"LiftUnseen":  {reason: "A lift that ends before anybody looked leaves the limit as it was.", steps: append(paused, limitStep{lift: time.Minute, grants: "e", want: true}, limitStep{after: time.Hour, grants: "f"})},
		"Waiting":     {reason: "They stay paused while somebody waits.", steps: append(paused, limitStep{after: time.Hour, release: true, waiting: 1, want: true}, ask("d", false))},
		"NobodyWaits": {reason: "They go on when nobody does.", steps: append(paused, limitStep{after: time.Minute, release: true}, ask("d", true))},
		"NotYetSeen":  {reason: "Though not at once: who was turned away may not be seen yet.", steps: append(paused, limitStep{release: true, want: true})},
		"AskedAgain":  {reason: "Nor at once after the last was turned away.", steps: append(paused, limitStep{after: time.Hour, grants: "e"}, limitStep{release: true, want: true})},
		"NoLimit":     {reason: "Without a limit nothing is held up.", steps: append(paused, limitStep{limit: -1, grants: "efgh", want: true}, limitStep{limit: -1, release: true, waiting: 5})},
		"HigherLimit": {reason: "A higher limit opens nothing by itself.", steps: append(paused, limitStep{limit: 100, grants: "d"})},
		"Restart":     {reason: "What the status says is kept after a start.", wasPaused: true, steps: []limitStep{ask("a", false), {after: time.Hour, release: true, waiting: 3, want: true}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			now, k := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), Key{Kind: v1alpha1.KindAstroConnection, Name: "acme"}
			r := NewRegistry()
			r.limits.clock = func() time.Time { return now }
			r.limits.adjust(k, 3, time.Minute, time.Time{}, earlierPause{on: tc.wasPaused})
			for i, s := range tc.steps {
				now = now.Add(s.after)
				if s.lift != 0 {
					r.limits.adjust(k, 3, time.Minute, now.Add(s.lift), earlierPause{})
				}
				if s.limit != 0 {
					r.limits.adjust(k, max(s.limit, 0), time.Minute, time.Time{}, earlierPause{})
				}
				if got := s.apply(r, k); got != s.want {
					t.Fatalf("%s\nstep %d %+v: %t", tc.reason, i, s, got)
				}
			}
		})
	}
}

func TestRevocationLimitIsOneConnections(t *testing.T) {
	r, k, other := NewRegistry(), Key{Name: "acme"}, Key{Name: "other"}
	r.limits.adjust(k, 1, time.Minute, time.Time{}, earlierPause{})
	r.limits.adjust(other, 1, time.Minute, time.Time{}, earlierPause{})
	if r.requeues[""] = newKeyRequeue(); r.MayRevoke(k, "data", "a", "b") || !r.MayRevoke(other, "data", "a") || !r.MayRevoke(Key{Name: "unknown"}, "data", "a", "b") {
		t.Error("a limit holds up its own connection and no other")
	}
	if woken := (<-r.requeues[""].out).Object; woken != k {
		t.Errorf("%s is woken", woken)
	}
	if r.limits.drop(k); !r.MayRevoke(k, "data", "a", "b") {
		t.Error("a connection that is gone leaves nothing behind")
	}
}

// TestRevocationLimitOfSeveralNamespaces lets three namespaces delete through a connection that may revoke six roles a minute.
func TestRevocationLimitOfSeveralNamespaces(t *testing.T) {
	now, k := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), Key{Kind: v1alpha1.KindClusterAstroConnection, Name: "acme"}
	newLimit := func(was earlierPause) *Registry {
		r := NewRegistry()
		r.limits.clock = func() time.Time { return now }
		r.limits.adjust(k, 6, time.Minute, time.Time{}, was)
		return r
	}
	r := newLimit(earlierPause{})
	r.limits.resume(k, nil, 3)
	asks := func(want bool, namespace string, grants ...string) {
		t.Helper()
		if got := r.MayRevoke(k, namespace, grants...); got != want {
			t.Errorf("%s may revoke %v: %t", namespace, grants, got)
		}
	}
	looks := func(waiting map[string]int, all bool, of ...string) {
		t.Helper()
		if is, _ := r.limits.resume(k, waiting, 3); is.all != all || !slices.Equal(is.of, of) {
			t.Errorf("paused for %+v", is)
		}
	}
	asks(false, "hostile", "a1", "a2", "a3", "a4") // as a whole more than its half
	asks(false, "hostile", "a1")                   // and then none
	asks(true, "b", "b1", "b2", "b3")              // the others are let through
	looks(map[string]int{"hostile": 4}, false, "hostile")
	asks(true, "c", "c1", "c2", "c3")
	asks(false, "d", "d1") // together no more than the limit
	looks(map[string]int{"hostile": 4, "d": 1}, true, "hostile")
	now = now.Add(time.Minute)
	looks(map[string]int{"hostile": 4}, false, "hostile") // who waits for its own pause to end holds up nobody else
	asks(true, "d", "d1")
	looks(nil, false)
	asks(true, "hostile", "a1", "a2", "a3")

	r = newLimit(earlierPause{on: true}) // after a restart, whoever waited still does, and nobody else
	looks(map[string]int{"hostile": 4}, false, "hostile")
	asks(false, "hostile", "a1")
	asks(true, "b", "b1")

	r = newLimit(earlierPause{on: true, users: 3, limited: []string{"hostile"}}) // nor who comes before the first look
	asks(true, "b", "b1")
	asks(false, "hostile", "a1")
	looks(map[string]int{"hostile": 4, "b": 2}, false, "hostile")
	asks(true, "b", "b2")

	r = newLimit(earlierPause{}) // nor who comes while the pause is everybody's, because one namespace was known
	r.limits.resume(k, nil, 1)
	asks(false, "hostile", "a1", "a2", "a3", "a4", "a5", "a6", "a7")
	asks(false, "b", "b1")
	looks(map[string]int{"hostile": 7, "b": 1}, false, "hostile")
	asks(true, "b", "b1")
}

func TestRevocationLimitLetsNoMoreThroughWhoeverAsks(t *testing.T) {
	const limit = 25
	r, k := NewRegistry(), Key{Kind: v1alpha1.KindAstroConnection, Name: "acme"}
	r.limits.adjust(k, limit, time.Minute, time.Time{}, earlierPause{})
	var through atomic.Int64
	var group sync.WaitGroup
	for worker := range 16 {
		group.Go(func() {
			for i := range 100 {
				if r.MayRevoke(k, "data", fmt.Sprint(worker, "/", i)) {
					through.Add(1)
				}
			}
		})
	}
	group.Wait()
	if n := through.Load(); n != limit {
		t.Errorf("%d went through", n)
	}
}

func TestWaitsForRevocation(t *testing.T) {
	deleting := func(change func(*v1alpha1.ScopedTokenBinding)) *v1alpha1.ScopedTokenBinding {
		now := metav1.Now()
		b := &v1alpha1.ScopedTokenBinding{ObjectMeta: metav1.ObjectMeta{UID: "u", DeletionTimestamp: &now}}
		b.Status.Claim = &v1alpha1.Claim{UID: "u", State: v1alpha1.ClaimHeld, Host: "astro"}
		b.Status.OrganizationID, b.Status.Token.ID, b.Status.Target.ID = "clo", "clt", "clw"
		change(b)
		return b
	}
	cases := map[string]struct {
		reason string
		change func(*v1alpha1.ScopedTokenBinding)
		want   bool
	}{
		"Deleting": {"It is to lose its role.", func(*v1alpha1.ScopedTokenBinding) {}, true},
		"NoClaim":  {"It holds no claim any more.", func(b *v1alpha1.ScopedTokenBinding) { b.Status.Claim.State = v1alpha1.ClaimReleased }, false},
		"Released": {"Its role stays.", func(b *v1alpha1.ScopedTokenBinding) {
			b.Annotations = map[string]string{v1alpha1.AnnotationRelease: "true"}
		}, false},
		"Retained":  {"Its role stays by its spec.", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.DeletionPolicy = v1alpha1.DeletionRetain }, false},
		"Observing": {"It never had one.", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Mode = v1alpha1.ModeObserve }, false},
		"Stayer":    {"It is not leaving.", func(b *v1alpha1.ScopedTokenBinding) { b.DeletionTimestamp = nil }, false},
		"Expired": {"Its time is over, whatever keeps its role there.", func(b *v1alpha1.ScopedTokenBinding) {
			b.DeletionTimestamp, b.Spec.ExpiresAt = nil, new(metav1.NewTime(time.Now().Add(-time.Hour)))
		}, true},
		"ExpiredSuspended": {"Nothing is taken from who is suspended.", func(b *v1alpha1.ScopedTokenBinding) {
			b.DeletionTimestamp, b.Spec.ExpiresAt, b.Spec.Suspend = nil, new(metav1.NewTime(time.Now().Add(-time.Hour))), true
		}, false},
		"Expires": {"It has its role until then.", func(b *v1alpha1.ScopedTokenBinding) {
			b.DeletionTimestamp, b.Spec.ExpiresAt = nil, new(metav1.NewTime(time.Now().Add(time.Hour)))
		}, false},
		"Withdrawn": {"The rules take its role, and the limit holds that up.", func(b *v1alpha1.ScopedTokenBinding) {
			b.DeletionTimestamp = nil
			b.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionSynced, Reason: v1alpha1.ReasonRevocationLimited}}
		}, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := measure.WaitsForRevocation(deleting(tc.change), time.Now()); got != tc.want {
				t.Errorf("%s\nwaits = %t", tc.reason, got)
			}
		})
	}
}

// TestRevocationLimitBeforeAnybodyIsCounted: a pause that comes while nobody knows of several namespaces is made the one's who waits, once
// that is known, and the others have their share.
func TestRevocationLimitBeforeAnybodyIsCounted(t *testing.T) {
	now, k := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), Key{Kind: v1alpha1.KindClusterAstroConnection, Name: "acme"}
	r := NewRegistry()
	r.limits.clock = func() time.Time { return now }
	r.limits.adjust(k, 4, time.Hour, time.Time{}, earlierPause{})
	if !r.MayRevoke(k, "flood", "a", "b", "c", "d") || r.MayRevoke(k, "flood", "e") {
		t.Fatal("the limit lets four through, and no fifth")
	}
	if paused, _ := r.limits.resume(k, nil, 2); !paused.all {
		t.Error("nobody has said yet that he waits")
	}
	paused, _ := r.limits.resume(k, map[string]int{"flood": 1}, 2)
	if paused.all || !slices.Equal(paused.of, []string{"flood"}) {
		t.Errorf("paused are all: %t, or %v", paused.all, paused.of)
	}
	if !r.MayRevoke(k, "other", "x", "y") || r.MayRevoke(k, "flood", "e") {
		t.Error("the other has its share, and the flood has not")
	}
}

// TestRevocationLimitHoldsUpNoOther: whatever the limit, one of several namespaces uses up its share and is paused, and another one has
// its own; also where the first has lost all that the limit allows while it was alone.
func TestRevocationLimitHoldsUpNoOther(t *testing.T) {
	k := Key{Kind: v1alpha1.KindClusterAstroConnection, Name: "acme"}
	for _, limit := range []int{1, 2, 3, 5, 6, 25} {
		for _, alone := range []bool{false, true} {
			r := NewRegistry()
			r.limits.adjust(k, limit, time.Minute, time.Time{}, earlierPause{})
			loses := func(namespace string) (n int) {
				for r.MayRevoke(k, namespace, fmt.Sprint(namespace, n)) {
					n++
				}
				return n
			}
			if alone {
				for i := range limit {
					r.MayRevoke(k, "hostile", fmt.Sprint("hostile", i))
				}
			}
			r.limits.resume(k, nil, 3)
			hostile, other := loses("hostile"), loses("other")
			if share := max(1, limit/2); !alone && hostile != share || other != share {
				t.Errorf("limit %d, alone at first: %t: the one loses %d roles and the other %d, want %d", limit, alone, hostile, other, share)
			}
			if is, _ := r.limits.resume(k, map[string]int{"hostile": 1, "other": 1}, 3); is.all || len(is.of) != 2 {
				t.Errorf("limit %d, alone at first: %t: paused are all: %t, or %v", limit, alone, is.all, is.of)
			}
		}
	}
}
