package main

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

// run is a reconcile under way. It is a value: a step makes another one.
type run struct {
	progress decision.Progress
	effect   decision.Effect // what is performed now
	slot     bool            // a write slot is open
	sent     bool            // the write is on its way
	steps    int

	at      int              // how much of the effect is done, where it is done piece by piece
	patched decision.Patched // what came of the pieces
	errs    map[types.UID]error
	ops     []reportOp

	shown roleSet          // what Astro answered last
	given [maxTargets]bool // which of it was the operator's own

	code    hash   // stands for progress: everything that it was made from
	partial string // stands for what is done of the effect
}

// maxSteps is how many effects a reconcile may have before it is taken to be endless.
const maxSteps = 100

// operator lists what the operator and those that it works with may do now, without faults: the first is what happens
// where nothing else does.
func (s *state) machinery() (all []action) {
	add := func(is bool, kind, arg int) {
		if is {
			all = append(all, action{uint8(kind), uint8(arg)})
		}
	}
	add(len(s.events) > 0, watchDelivers, 0)
	for n := range names {
		add(s.stale[n] && s.server[n] != nil, staleDeletes, n)
	}
	add(s.astro.flight != nil && !s.astro.flight.arrived, astroTakes, 0)
	add(s.astro.late != nil, astroTakesLate, 0)
	r := s.proc.run
	add(r != nil && (!r.sent || s.astro.flight.arrived), operatorStep, 0)
	journals := s.journals()
	add(journals, operatorJournals, 0)
	add(s.idle() && !journals, operatorBegins, 0)
	add(s.proc.gathering != nil && !journals, operatorGathers, 0)
	add(s.unflushed(), operatorFlushes, 0)
	add(r == nil && s.proc.gathering == nil && !s.proc.queued && s.proc.timer, operatorTimer, 0)
	return all
}

// idle reports whether a reconcile may begin.
func (s *state) idle() bool {
	return s.proc.run == nil && s.proc.gathering == nil && s.proc.queued && (s.scenario.gathers || !s.cacheBehind())
}

// journals reports whether the next that a reconcile does is to enter an orphan in the journal.
func (s *state) journals() bool {
	if s.unjournaled() < 0 {
		return false
	}
	if g := s.proc.gathering; g != nil {
		return g.next == gatherJournal
	}
	return s.idle() && !s.scenario.gathers
}

// faults lists what may go wrong now.
func (s *state) faults() (all []action) {
	add := func(is bool, budget, kind int) {
		if is && s.budget[budget] > 0 {
			all = append(all, action{uint8(kind), 0})
		}
	}
	r := s.proc.run
	add(s.idle() && !s.journals() && s.mayLag(), budgetLag, operatorBeginsLagging)
	if r != nil && !r.sent {
		_, read := r.effect.(decision.Read)
		_, inSlot := r.effect.(decision.ReadForWrite)
		_, limit := r.effect.(decision.MayRevoke)
		_, withdraw := r.effect.(decision.Withdraw)
		_, journal := r.effect.(decision.WriteJournal)
		add((read || inSlot) && s.mayLag(), budgetLag, operatorReadsLagging)
		add(read || inSlot, budgetRead, operatorReadFails)
		add(read || inSlot, budgetPart, operatorReadsPart)
		add(journal || withdraw, budgetJournal, operatorJournalFails)
		add(journal, budgetJournal, operatorJournalUnsure)
		add(limit, budgetLimit, operatorLimited)
	}
	if r != nil && r.sent {
		add(true, budgetLost, operatorLosesAnswer)
		add(true, budgetLost, operatorRetriesWrite)
		add(s.astro.flight.arrived && s.astro.flight.refused == nil, budgetUnconfirmed, operatorUnconfirmed)
	}
	add(s.journals(), budgetJournal, operatorJournalFails)
	add(len(s.events) > 0, budgetGap, watchGap)
	add(true, budgetCrash, operatorCrashes)
	add(s.astro.flight == nil && s.astro.late == nil && (r == nil || !r.slot), budgetPass, timePasses)
	if s.astro.late != nil {
		all = append(all, action{astroDropsLate, 0})
	}
	return all
}

func (s *state) mayLag() bool { return !s.proc.seen && s.astro.now != s.astro.before }

// cacheBehind reports whether the cache does not show yet what the process has written.
func (s *state) cacheBehind() bool {
	for n := range names {
		own, cached := s.proc.own[n], s.cache[n]
		if own != nil && cached != nil && cached.UID == own.UID {
			return true
		}
	}
	return false
}

// unjournaled is the place of an orphan that the journal does not have yet, or -1.
func (s *state) unjournaled() int {
	return slices.IndexFunc(s.proc.orphans, func(o orphan) bool { return !o.tried && s.proc.knownOf(o.object.UID) == nil })
}

// unflushed reports whether the journal is stored otherwise than the process knows it: it is to be stored anew in a while.
func (s *state) unflushed() bool {
	if slices.ContainsFunc(s.proc.journal, func(k known) bool { return k.cleared }) || len(s.stored) != len(s.proc.journal) {
		return true
	}
	for i := range s.stored {
		if s.stored[i] != s.proc.journal[i].entry {
			return true
		}
	}
	return false
}

// flush stores the journal as the process knows it.
func (s *state) flush() {
	s.proc.journal = slices.DeleteFunc(slices.Clone(s.proc.journal), func(k known) bool { return k.cleared })
	s.stored = nil
	for _, k := range s.proc.journal {
		s.stored = append(s.stored, k.entry)
	}
}

// enter puts an entry into the journal as the process knows it, in the place of one of the same uid.
func (p *process) enter(k known) {
	p.journal = slices.DeleteFunc(slices.Clone(p.journal), func(old known) bool { return old.uid == k.uid })
	p.journal = append(p.journal, k)
	slices.SortFunc(p.journal, func(a, b known) int { return cmpUID(a.uid, b.uid) })
}

// clear marks entries that nobody needs any more.
func (p *process) clear(uids ...types.UID) {
	p.journal = slices.Clone(p.journal)
	for i := range p.journal {
		if slices.Contains(uids, p.journal[i].uid) {
			p.journal[i].cleared = true
		}
	}
}

func cmpUID(a, b types.UID) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// crash loses what is in memory. The next process reads the journal, then fills its cache, and works on everything.
// Nobody can know any more of an object that went with its claim, if that did not come to the journal.
func (s *state) crash() {
	for _, e := range s.events {
		if e.deleted && claims(e.object.ScopedTokenBinding) && !s.proc.released[e.object.UID] && !s.writtenDown(e.object.UID) {
			s.excused[target(e.object.ScopedTokenBinding)] = true
		}
	}
	for _, o := range s.proc.orphans {
		if !s.writtenDown(o.object.UID) {
			s.excused[target(o.object.ScopedTokenBinding)] = true
		}
	}
	s.abandon()
	if f := s.astro.late; f != nil {
		late := *f
		late.before = true
		s.astro.late = &late
	}
	s.proc = process{queued: true, began: int8(s.tick)}
	for _, e := range s.stored {
		s.grant(e.uid)
		k := known{entry: e, recovered: int8(s.tick)}
		if e.leaving {
			k.recovered = given
		}
		s.proc.journal = append(s.proc.journal, k)
	}
	s.cache, s.events = s.server, nil
}

// writtenDown reports whether the journal has what an object claims. An entry that is cleared may be older than its status.
func (s *state) writtenDown(uid types.UID) bool {
	obsolete := slices.ContainsFunc(s.proc.journal, func(k known) bool { return k.uid == uid && k.cleared })
	return entryOf(s.stored, uid) >= 0 && !obsolete
}

// pass lets so much time go by that nothing waits any longer, and a sweep comes.
func (s *state) pass() {
	s.tick++
	s.proc.queued = true
}

// finish ends a reconcile. What it learned stays in memory: above all which roles are known to have been given.
func (s *state) finish(r *run) {
	p := &s.proc
	p.memory, p.run = r.progress.Situation.Memory, nil
	p.timer = r.progress.Wake > 0 || len(r.progress.Errs) > 0
	p.journal = slices.Clone(p.journal)
	for i := range p.journal {
		switch pending := r.progress.Situation.Pending[p.journal[i].uid]; {
		case pending.Given:
			p.journal[i].recovered = given
		case pending.Sent:
			p.journal[i].recovered = int8(s.tick)
		}
	}
}

// markReleased remembers that the process itself let the object go.
func (p *process) markReleased(uid types.UID) {
	next := maps.Clone(p.released)
	if next == nil {
		next = map[types.UID]bool{}
	}
	next[uid] = true
	p.released = next
}
