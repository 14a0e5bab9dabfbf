package main

import (
	"fmt"
)

// action is one step from a state to the next: its kind, and which name or target it is about.
type action struct{ kind, arg uint8 }

// The kinds of action.
const (
	userCreate = iota
	userCopy
	userEdit
	userSuspend
	userObserve
	userDelete
	userStrip
	userRelease
	userStale
	writerSets
	writerDeclares
	writerRemoves
	writerRemovesUnknown

	staleDeletes
	watchDelivers
	watchGap
	astroTakes
	astroTakesLate
	astroDropsLate
	timePasses

	operatorTimer
	operatorJournals
	operatorBegins
	operatorBeginsLagging
	operatorGathers
	operatorStep
	operatorFlushes

	operatorReadsLagging
	operatorReadFails
	operatorReadsPart
	operatorJournalFails
	operatorJournalUnsure
	operatorLimited
	operatorLosesAnswer
	operatorRetriesWrite
	operatorUnconfirmed
	operatorCrashes
)

// words are how histories tell the actions; %s is the name or the target.
var words = map[uint8]string{
	userCreate: "user makes %s", userCopy: "user restores %s with the status of another binding", userEdit: "user edits the role of %s", userSuspend: "user suspends or resumes %s",
	userObserve: "user sets %s to observe or enforce", userDelete: "user deletes %s", userStrip: "user strips the finalizer of %s",
	userRelease: "user sets the release annotation on %s", userStale: "user deletes %s, which is decided on as it is now and done later",
	writerSets: "another writer sets the role on %s", writerDeclares: "another writer gives a role that bindings declare on %s",
	writerRemoves:        "another writer removes the role on %s",
	writerRemovesUnknown: "another writer removes the role of a kind that nobody knows",
	staleDeletes:         "the deletion of %s is carried out", watchDelivers: "the watch delivers an event", watchGap: "the watch breaks, and a relist follows",
	astroTakes: "Astro gets the write", astroTakesLate: "Astro gets the write that nobody waits for", astroDropsLate: "the write that nobody waits for is lost",
	timePasses: "time passes, and a sweep comes", operatorTimer: "the operator's timer is due", operatorJournals: "the operator journals an orphan",
	operatorBegins: "the operator begins", operatorBeginsLagging: "the operator begins with a listing of before",
	operatorGathers: "the operator gathers on",
	operatorStep:    "the operator goes on", operatorFlushes: "the journal is stored without what was cleared",
	operatorReadsLagging: "the operator reads what was before", operatorReadFails: "the operator's read fails",
	operatorReadsPart:    "the operator reads the token without its roles",
	operatorJournalFails: "the operator cannot write the journal", operatorJournalUnsure: "the journal is stored, and the operator does not get to know",
	operatorLimited: "the revocation limit is reached", operatorLosesAnswer: "the operator gets no answer to its write and gives up",
	operatorRetriesWrite: "the operator gets no answer to its write and reads again", operatorUnconfirmed: "Astro takes the write and does not show it",
	operatorCrashes: "the operator crashes and starts again",
}

// actions lists all that may happen now.
func (s *state) actions() []action {
	all := append(s.machinery(), s.user()...)
	return append(all, s.faults()...)
}

// do is the state after an action, or why that must not be.
func (s *state) do(a action) (state, error) {
	next := *s
	var err error
	switch a.kind {
	case staleDeletes:
		next.vanish(next.server[a.arg].ScopedTokenBinding)
		next.remove(int(a.arg))
	case watchDelivers:
		next.deliver()
	case watchGap:
		next.budget[budgetGap]--
		next.relist()
	case astroTakes:
		next.arrive()
	case astroTakesLate:
		next.arriveLate()
	case astroDropsLate:
		next.astro.late = nil
	case timePasses:
		if next.budget[budgetPass] > 0 {
			next.budget[budgetPass]--
		}
		next.pass()
	case operatorTimer:
		next.proc.queued, next.proc.timer = true, false
	case operatorJournals:
		next.journalOrphan(a.kind)
	case operatorBegins, operatorBeginsLagging:
		next.startGathering(a.kind == operatorBeginsLagging)
	case operatorGathers:
		next.gather()
	case operatorFlushes:
		next.flush()
	case operatorCrashes:
		next.budget[budgetCrash]--
		next.crash()
	case operatorJournalFails:
		if next.proc.run == nil {
			next.journalOrphan(a.kind)
			break
		}
		err = next.step(a.kind)
	case operatorStep, operatorReadsLagging, operatorReadFails, operatorReadsPart, operatorJournalUnsure, operatorLimited, operatorLosesAnswer,
		operatorRetriesWrite, operatorUnconfirmed:
		err = next.step(a.kind)
	default:
		next.act(a)
	}
	return next, err
}

// tell says an action in words, with what the operator is about to do.
func (s *state) tell(a action) string {
	text := words[a.kind]
	switch a.kind {
	case writerSets, writerDeclares, writerRemoves:
		text = fmt.Sprintf(text, targets[a.arg])
	case userCreate, userCopy, userEdit, userSuspend, userObserve, userDelete, userStrip, userRelease, userStale, staleDeletes:
		text = fmt.Sprintf(text, names[a.arg])
	}
	if a.kind >= operatorStep && s.proc.run != nil && a.kind != operatorFlushes && a.kind != operatorCrashes {
		text += ": " + s.proc.run.tell()
	}
	return text
}
