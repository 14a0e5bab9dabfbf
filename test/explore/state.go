package main

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
)

const (
	maxNames   = 3 // names of bindings
	maxTargets = 2
)

// state is everything at one moment. It is a value: whatever it points to is never changed, only replaced.
type state struct {
	scenario *scenario

	// The API server.
	server [maxNames]*object
	made   [maxNames]uint8  // how many objects of each name were made
	stale  [maxNames]bool   // a deletion was decided on when the object had no finalizer, and is not carried out yet
	writes [maxNames]uint16 // how often objects of each name were written, which is their resourceVersion
	events []event          // that the operator's watch has not delivered yet
	stored []entry          // the journal, in the order of uids

	astro astroState

	// The operator.
	cache [maxNames]*object
	proc  process
	tick  uint8 // time, in steps that are longer than anything waits

	budget budget

	// What the checks remember.
	given   [maxTargets]bool    // the operator wrote the role that is there
	granted [maxNames]types.UID // the last object of each name that Astro took a role for, or may have taken
	excused [maxTargets]bool    // nobody has to remove the role that is there
}

// event is a change of an object that the watch delivers.
type event struct {
	name    int
	object  *object
	deleted bool
}

// process is what the operator's process has in memory, and what a crash loses.
type process struct {
	began  int8 // the tick in which it began
	queued bool // the key waits in the work queue
	timer  bool // the key is to be queued again in a while

	journal  []known // the journal as the process knows it, in the order of uids
	orphans  []orphan
	own      [maxNames]*object  // written by the process, until the cache shows it
	released map[types.UID]bool // objects whose finalizer the process took off
	memory   decision.Memory
	seen     bool // the process has seen Astro's present role set, so that no older one is believed

	gathering *gathering // what a reconcile that has not begun to decide has gathered
	run       *run       // the reconcile under way
}

// entry is a claim in the journal.
type entry struct {
	uid     types.UID
	name    int
	conn    int
	claim   pin.Claim
	leaving bool // its object is gone
	retain  bool // its object says that the role is to stay
}

// known is an entry of the journal as the process knows it.
type known struct {
	entry

	recovered int8 // the tick since which it has to be seen whether Astro was given the role, less than zero: it was given
	cleared   bool // nobody needs it any more, and the next write drops it
}

// orphan is an object that is gone with its claim.
type orphan struct {
	object *object
	tried  bool // to enter it in the journal, which failed
}

// given says that a known entry's role is known to have been given.
const given = -1

// kinds of action of which there may be only so many in a history.
const (
	budgetCreate = iota
	budgetCopy
	budgetEdit
	budgetSuspend
	budgetObserve
	budgetDelete
	budgetStrip
	budgetRelease
	budgetStale
	budgetWriter
	budgetDeclare
	budgetRead
	budgetPart
	budgetLag
	budgetLost
	budgetJournal
	budgetCrash
	budgetGap
	budgetPass
	budgetLimit
	budgetUnconfirmed
	budgets
)

type budget [budgets]uint8

// epoch is when the clock stands at tick zero. Between ticks it stands still, which no decision may mind.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// passing is how much time a tick is: longer than a sweep interval, and than a lost write may still arrive.
const passing = 10 * time.Minute

// at is when a tick begins.
func at(tick int8) time.Time { return epoch.Add(time.Duration(tick) * passing) }

func (s *state) now() time.Time { return at(int8(s.tick)) }

// entryOf is the place of the uid among the entries, or -1.
func entryOf(all []entry, uid types.UID) int {
	for i := range all {
		if all[i].uid == uid {
			return i
		}
	}
	return -1
}

// knownOf is the entry of the uid that the process knows and needs; nil if there is none.
func (p *process) knownOf(uid types.UID) *known {
	for i := range p.journal {
		if p.journal[i].uid == uid && !p.journal[i].cleared {
			return &p.journal[i]
		}
	}
	return nil
}
