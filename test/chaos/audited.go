package main

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// unsaid is for how long before its end a process may have made a change of which it has not told yet.
const unsaid = 2 * time.Second

// auditLine is what the checker reads of a line of the operator's audit log.
type auditLine struct {
	ID      string     `json:"id"`
	Time    time.Time  `json:"time"`
	Token   auditToken `json:"token"`
	Target  auditToken `json:"target"`
	From    string     `json:"from"`
	To      string     `json:"to"`
	Outcome string     `json:"outcome"`
}

// auditToken is a token, or a target, in such a line.
type auditToken struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// place is where the change was made that the line tells of.
func (l auditLine) place() place {
	return place{l.Token.ID, strings.ToUpper(l.Target.Kind), l.Target.ID}
}

// tells says whether the line tells of a change.
func (l auditLine) tells(c roleChange) bool {
	return l.place() == c.place && strings.EqualFold(l.From, c.from) && strings.EqualFold(l.To, c.to)
}

// roleChange is what a write meant to do at a place.
type roleChange struct {
	place

	from, to string
}

// auditLines are the lines in what the operator has printed, by the change that they tell of. Its last line says what Astro made
// of it, which may be a role of Astro's own, and its first what was sent.
func auditLines(printed string) map[string][]auditLine {
	all := map[string][]auditLine{}
	for line := range strings.Lines(printed) {
		var l auditLine
		if strings.HasPrefix(line, `{"audit"`) && json.Unmarshal([]byte(line), &l) == nil && l.ID != "" {
			all[l.ID] = append(all[l.ID], l)
		}
	}
	return all
}

// intended are what a write meant to change for Workspaces and Deployments, by what the operator had read. That it spells a
// role in other letters is no change.
func (a *attempt) intended() (all []roleChange) {
	for _, id := range a.changes() {
		c := roleChange{place{a.token, id.kind, id.id}, roleAt(a.read.roles, id), roleAt(a.sent, id)}
		if !strings.EqualFold(c.from, c.to) {
			all = append(all, c)
		}
	}
	return all
}

// judgeAudit holds the operator's audit log against its writes, both ways: each change that Astro has taken has a line, unless
// the process ended before it could say so, and each change that was made by the word of a line was sent to Astro and taken.
func (w *world) judgeAudit(lines map[string][]auditLine, attempts []*attempt) {
	for _, a := range attempts {
		if a.entry == nil || a.entry.Status != 200 || w.operator.endedBy(a.process, a.at.Add(unsaid)) {
			continue
		}
		for _, c := range a.intended() {
			if !anyLine(lines, func(l auditLine) bool { return l.tells(c) && !l.Time.Before(a.at) }) {
				w.violationf(untold, "no line of the audit log tells that request %s has changed %q to %q at %v", a.id, c.from, c.to, c.place)
			}
		}
	}
	for _, about := range lines {
		l := about[len(about)-1]
		if l.Outcome != "confirmed" && l.Outcome != "written" || strings.EqualFold(l.From, l.To) {
			continue // a role that was adopted is the one that was there
		}
		made := func(a *attempt) bool {
			told := func(c roleChange) bool {
				return slices.ContainsFunc(about, func(l auditLine) bool { return l.tells(c) })
			}
			return a.entry != nil && a.entry.Status == 200 && slices.ContainsFunc(a.intended(), told)
		}
		if !slices.ContainsFunc(attempts, made) && !w.madeByOthers(about) {
			w.violationf(untold, "the audit log tells of a change that no request has made: %+v", about)
		}
	}
}

// madeByOthers says whether somebody else made the change while it was open what had become of the operator's own write. What
// Astro shows then tells nobody which of the two it was.
func (w *world) madeByOthers(about []auditLine) bool {
	first, last := about[0], about[len(about)-1]
	since := first.Time.Truncate(time.Millisecond) // as Astro tells times
	return first.Outcome == "unknown" && slices.ContainsFunc(w.changesAt(last.place()), func(c astrosim.RoleWrite) bool {
		return !w.isCredential(c.By) && !c.Time.Before(since) && strings.EqualFold(last.place().in(c.After), last.To)
	})
}

func anyLine(lines map[string][]auditLine, is func(auditLine) bool) bool {
	for _, about := range lines {
		if slices.ContainsFunc(about, is) {
			return true
		}
	}
	return false
}
