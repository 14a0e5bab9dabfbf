package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// Astro may answer a read by id with a state that is some seconds old. A write that starts from it puts roles back as they
// were. Whether the operator could tell is judged here: it could if the same process was shown a later updatedAt before, or
// had itself written what the old state lacks. Else nothing could tell it, and what comes of it is counted apart.

// reading is what a process of the operator was shown of a token.
type reading struct {
	asked, at time.Time
	process   int
	updated   time.Time // the token's updatedAt
	roles     []astrosim.Role
	old       *astrosim.OldRead // nil if the token was so at that moment
}

// truth is what the token held at the moment of the reading.
func (r *reading) truth() []astrosim.Role {
	if r.old != nil {
		return r.old.Held
	}
	return r.roles
}

// dated is that a process was shown an updatedAt.
type dated struct{ updated, at time.Time }

const (
	// listedBefore is how long before a read by id a listing has to have been answered to count as shown before: both may be
	// under way at a time, and the machine is busy.
	listedBefore = 300 * time.Millisecond
	// remembered is how long ago a write may be that an old state contradicts. No old state is older than three seconds.
	remembered = 25 * time.Second
)

// tells says why the process could tell that a reading is older than what it knew; empty if it could not.
func (w *writes) tells(token string, r *reading) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	by := reader{r.process, token}
	for _, d := range w.dates[by] {
		if d.updated.After(r.updated) && d.at.Before(r.asked) {
			return fmt.Sprintf("it was shown the token as of %s before, and this is as of %s", clock(d.updated), clock(r.updated))
		}
	}
	later := map[identity]bool{} // changed by a later write, which counts in the place of an earlier one
	for _, a := range slices.Backward(w.done[by]) {
		if !a.at.Before(r.asked) || r.at.Sub(a.at) > remembered || a.refused() {
			continue
		}
		for _, id := range a.changes() {
			if !later[id] && a.contradicts(r, id) {
				return fmt.Sprintf("it has itself changed %s/%s to %q %s before", id.kind, id.id, roleAt(a.sent, id), r.asked.Sub(a.at).Round(time.Millisecond))
			}
			later[id] = true
		}
	}
	return ""
}

func clock(t time.Time) string { return t.Format("05.000") }

// changes are the entries of Workspaces and Deployments to which the write gives another role than was read.
func (a *attempt) changes() (ids []identity) {
	if a.read == nil {
		return nil
	}
	for _, r := range append(slices.Clone(a.read.roles), a.sent...) {
		id := identityOf(r)
		bound := id.kind == astrosim.TypeWorkspace || id.kind == astrosim.TypeDeployment
		if bound && roleAt(a.read.roles, id) != roleAt(a.sent, id) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// refused says whether Astro has definitely not taken the write.
func (a *attempt) refused() bool { return a.status >= 400 && a.status < 500 }

// contradicts says whether a reading lacks what the write has made of an entry, as the process knows from Astro's answer,
// though nobody has written since then by the reading's date.
func (a *attempt) contradicts(r *reading, id identity) bool {
	taken := a.status == 200 && a.entry != nil && roleAt(a.entry.After, id) == roleAt(a.sent, id)
	return taken && !r.updated.After(a.read.updated) && roleAt(r.roles, id) != roleAt(a.sent, id)
}

// undone are the entries that a write has left as an old reading shows them, although they were otherwise by then.
func (a *attempt) undone() (ids []identity) {
	if a.read == nil || a.read.old == nil || a.entry == nil || a.entry.Status != 200 {
		return nil
	}
	shown, held, sent, before := byIdentity(a.read.roles), byIdentity(a.read.old.Held), byIdentity(a.sent), byIdentity(a.entry.Before)
	for _, r := range append(slices.Clone(a.read.roles), a.read.old.Held...) {
		id := identityOf(r)
		same := string(shown[id].Raw) == string(held[id].Raw)
		if !same && string(sent[id].Raw) == string(shown[id].Raw) && string(sent[id].Raw) != string(before[id].Raw) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// judgeUndone judges a write that undoes what has happened since the state that it was made from.
func (w *world) judgeUndone(a *attempt) {
	for _, id := range a.undone() {
		p, was, is := place{a.token, id.kind, id.id}, roleAt(a.entry.Before, id), roleAt(a.sent, id)
		if w.declaredNow(p, is) {
			continue // it is as a binding wants it
		}
		if why := w.writes.tells(a.token, a.read); why != "" {
			w.violationf(undone, "the write of %s makes %q of %q on %s from an old read: %s", a.token, is, was, id.id, why)
			continue
		}
		w.tally.add("undone_unseen", 1)
		w.history.notef("unseen", "%q on %s for %s is %q again, from a read that nothing showed to be old", was, id.id, a.token, is)
		w.facts.excuse(p, a.entry.RequestID)
	}
}

// declaredNow says whether a binding that is there wants the role at the place, or, if it is empty, none there.
func (w *world) declaredNow(p place, role string) bool {
	bindings, err := w.bindings()
	token, target := w.find(p.token), w.find(p.target)
	if err != nil || token == nil || target == nil {
		return err != nil
	}
	for i := range bindings {
		b := &bindings[i]
		held := w.claimOf(b)
		if !declares(b.Spec, p.kind, token, target) && (held == nil || held.place != p) {
			continue
		}
		if b.DeletionTimestamp.IsZero() && roleOf(b) == role || !b.DeletionTimestamp.IsZero() && role == "" {
			return true
		}
	}
	return false
}

// judgeReading notes what an old reading may mislead the operator to: what it does not show was left, for all that it knows.
func (w *world) judgeReading(token string, r *reading) {
	if r.old == nil {
		return
	}
	why := w.writes.tells(token, r)
	w.history.notef("old", "%s was so until %s; told by: %s", token, clock(r.old.Until), why)
	if why != "" {
		w.tally.add("old_reads_told", 1)
		return
	}
	w.tally.add("old_reads_untold", 1)
	for _, held := range r.old.Held {
		id := identityOf(held)
		if roleAt(r.roles, id) != "" {
			continue
		}
		p := place{token, id.kind, id.id}
		if changes := w.changesAt(p); len(changes) > 0 {
			w.facts.excuse(p, changes[0].RequestID)
		}
	}
}

func roleAt(roles []astrosim.Role, id identity) string {
	for _, r := range roles {
		if identityOf(r) == id {
			return r.Role
		}
	}
	return ""
}

// datesIn reads updatedAt out of a listing of tokens that is complete in one page; nil if it is not.
func datesIn(body []byte) map[string]time.Time {
	var page struct {
		Tokens []struct {
			ID        string    `json:"id"`
			UpdatedAt time.Time `json:"updatedAt"`
		} `json:"tokens"`
		TotalCount int `json:"totalCount"`
	}
	if json.Unmarshal(body, &page) != nil || len(page.Tokens) != page.TotalCount {
		return nil
	}
	dates := map[string]time.Time{}
	for _, t := range page.Tokens {
		dates[t.ID] = t.UpdatedAt
	}
	return dates
}
