package shard

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// TestEachIsServedOnce: whatever connections there are, with whatever labels, and in whatever order instances learn of
// them, each Organization is served by exactly one, and all its connections by the same.
func TestEachIsServedOnce(t *testing.T) {
	for seed := range uint64(3000) {
		r, c := rand.New(rand.NewPCG(seed, 1)), &clock{epoch}
		all := map[Key]v1alpha1.Connection{}
		for range r.IntN(14) {
			o := randomConn(r)
			all[KeyOf(o)] = o
		}
		var trackers []*Tracker
		for _, selector := range shares {
			tr := tracker(t, selector, c)
			var past []v1alpha1.Connection
			for range r.IntN(10) {
				past = append(past, randomConn(r))
				tr.Set(past[len(past)-1])
			}
			for _, o := range past {
				tr.Delete(o)
			}
			for _, o := range all {
				tr.Set(o)
			}
			tr.Synced()
			trackers = append(trackers, tr)
		}
		c.tick(handover)
		servedOnce(t, seed, trackers, all)
		if t.Failed() {
			return
		}
	}
}

func servedOnce(t *testing.T, seed uint64, trackers []*Tracker, all map[Key]v1alpha1.Connection) {
	t.Helper()
	proven, by := map[Organization]bool{}, map[Organization]int{}
	for _, c := range all {
		id := factsOf(c).organization
		proven[id] = proven[id] || factsOf(c).proven
	}
	for _, c := range all {
		id, count := factsOf(c).organization, 0
		for i, tr := range trackers {
			stage := stageOf(t, tr, c)
			if speaks := tr.Speaks(id, KeyOf(c)); speaks != (stage != Foreign) {
				t.Errorf("seed %d: %v is %v to %s, which speaks of its bindings: %v", seed, KeyOf(c), stage, shares[i], speaks)
			}
			if stage == Foreign {
				continue
			}
			count++
			if want := map[bool]Stage{true: Serving, false: Proving}[proven[id]]; stage != want {
				t.Errorf("seed %d: %v: want stage %v, got %v", seed, KeyOf(c), want, stage)
			}
			if before, found := by[id]; proven[id] && found && before != i {
				t.Errorf("seed %d: %v is split between %s and %s", seed, id, shares[before], shares[i])
			}
			by[id] = i
		}
		if count != 1 {
			t.Errorf("seed %d: %v is looked after by %d instances", seed, KeyOf(c), count)
		}
	}
	for _, id := range []Organization{{}, org("org-0"), org("org-1"), org("org-2"), org("org-3")} {
		speakers := 0
		for _, tr := range trackers {
			if tr.Speaks(id, Key{Name: "missing"}) {
				speakers++
			}
		}
		if speakers != 1 {
			t.Errorf("seed %d: %d instances speak of claims in %v without a connection", seed, speakers, id)
		}
	}
}

const (
	lag   = 8 * time.Second // the latest at which an instance learns of a change
	write = 4 * time.Second // for how long a write goes on after that
)

// instance is an operator that learns of changes late, of each connection at its own pace, and is replaced now and then.
type instance struct {
	selector string
	tracker  *Tracker
	news     map[Key][]piece // in the order of what happened
	served   map[Organization]time.Time
}

type piece struct {
	due    time.Time
	object v1alpha1.Connection
	gone   bool
}

// TestNeverServedByTwo: however late the instances learn of changes, no two are ever at work on one Organization.
func TestNeverServedByTwo(t *testing.T) {
	served := 0
	for seed := range uint64(300) {
		r, c := rand.New(rand.NewPCG(seed, 2)), &clock{epoch}
		truth := map[Key]v1alpha1.Connection{}
		var instances []*instance
		for _, selector := range shares {
			i := &instance{selector: selector, tracker: tracker(t, selector, c), news: map[Key][]piece{}, served: map[Organization]time.Time{}}
			i.tracker.Synced()
			instances = append(instances, i)
		}
		for range 400 {
			c.tick(time.Second)
			happen(r, c, truth, instances)
			for _, i := range instances {
				i.learn(c.now)
				if r.IntN(100) == 0 {
					i.restart(t, c, truth)
				}
				served += i.work(t, c.now)
			}
			if apart(t, seed, c.now, instances); t.Failed() {
				return
			}
		}
	}
	if served < 1000 {
		t.Errorf("in all, Organizations were served for %d s only", served)
	}
}

// happen changes a connection now and then, and sends the news.
func happen(r *rand.Rand, c *clock, truth map[Key]v1alpha1.Connection, instances []*instance) {
	if r.IntN(8) > 0 {
		return
	}
	o := randomConn(r)
	gone := r.IntN(3) == 0
	if gone {
		delete(truth, KeyOf(o))
	} else {
		truth[KeyOf(o)] = o
	}
	for _, i := range instances {
		due := c.now.Add(time.Duration(r.Int64N(int64(lag))))
		if waiting := i.news[KeyOf(o)]; len(waiting) > 0 && waiting[len(waiting)-1].due.After(due) {
			due = waiting[len(waiting)-1].due
		}
		i.news[KeyOf(o)] = append(i.news[KeyOf(o)], piece{due, o, gone})
	}
}

func (i *instance) learn(now time.Time) {
	for key, waiting := range i.news {
		for len(waiting) > 0 && !waiting[0].due.After(now) {
			if waiting[0].gone {
				i.tracker.Delete(waiting[0].object)
			} else {
				i.tracker.Set(waiting[0].object)
			}
			waiting = waiting[1:]
		}
		i.news[key] = waiting
	}
}

// restart replaces the instance by one that knows nothing but how things are.
func (i *instance) restart(t *testing.T, c *clock, truth map[Key]v1alpha1.Connection) {
	t.Helper()
	i.tracker, i.news = tracker(t, i.selector, c), map[Key][]piece{}
	for _, o := range truth {
		i.tracker.Set(o)
	}
	i.tracker.Synced()
}

// work notes the Organizations that the instance is at work on.
func (i *instance) work(t *testing.T, now time.Time) (served int) {
	t.Helper()
	for id := range i.tracker.organizations {
		_, done, turn := i.tracker.Organization(t.Context(), id)
		done()
		if turn.Stage == Serving {
			i.served[id] = now
			served++
		}
	}
	return served
}

// apart checks that of what somebody serves now nobody else may have a write under way.
func apart(t *testing.T, seed uint64, now time.Time, instances []*instance) {
	t.Helper()
	for _, i := range instances {
		for id, at := range i.served {
			for _, o := range instances {
				if last, ever := o.served[id]; at.Equal(now) && o != i && ever && now.Sub(last) <= write {
					t.Errorf("seed %d: %s serves %v %s after %s", seed, i.selector, id, now.Sub(last), o.selector)
				}
			}
		}
	}
}
