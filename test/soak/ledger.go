package main

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// ledger knows what may be written, and why. It is closed once a round, when everything is as declared.
type ledger struct {
	due      map[place]*entry
	writes   int
	raced    int // that others overtook between the operator's read and its write
	needless []string
}

// place is where a token may hold a role.
type place struct{ token, target string }

// entry is what happened to a place since the ledger was last closed.
type entry struct {
	roles   map[string]bool // that were declared there; "" for none any more
	changes int             // after each of which one write is due
}

func newLedger() *ledger { return &ledger{due: map[place]*entry{}} }

// note says that a role was declared on a place ("" for none any more), or that it is declared there and somebody else
// changed what Astro holds.
func (l *ledger) note(p place, role string) {
	e := l.due[p]
	if e == nil {
		e = &entry{roles: map[string]bool{}}
		l.due[p] = e
	}
	e.roles[role] = true
	e.changes++
}

// close looks for the reason of every write, and forgets what was due.
func (l *ledger) close(round int, audit []astrosim.RoleWrite) {
	for i, write := range audit {
		if write.OutOfBand || write.Status != http.StatusOK {
			continue // somebody else's, or one that Astro refused
		}
		l.writes++
		switch why := l.reason(write); {
		case why == "":
		case overtaken(audit[:i], write):
			l.raced++
		default:
			l.needless = append(l.needless, fmt.Sprintf("round %d: a write %s; the token's history:%s", round, why, history(audit[:i+1], write.TokenID)))
		}
	}
	clear(l.due)
}

// overtaken reports whether somebody else changed the token a moment before the write. Astro lets nobody make a write
// depend on what was read, so such a write may do what is done already, or undo it.
func overtaken(before []astrosim.RoleWrite, w astrosim.RoleWrite) bool {
	for _, other := range slices.Backward(before) {
		if other.TokenID == w.TokenID {
			return other.OutOfBand && w.Time.Sub(other.Time) < 100*time.Millisecond
		}
	}
	return false
}

// history tells the last writes of a token.
func history(audit []astrosim.RoleWrite, token string) string {
	var text strings.Builder
	for _, w := range audit {
		if w.TokenID != token {
			continue
		}
		fmt.Fprintf(&text, "\n    %s by %q, status %d %s:", w.Time.Format("15:04:05.000"), w.By, w.Status, w.Cause)
		before, after := byTarget(w.Before), byTarget(w.After)
		for target := range union(before, after) {
			if before[target] != after[target] {
				fmt.Fprintf(&text, " %s %q to %q", target, before[target], after[target])
			}
		}
	}
	return text.String()
}

// reason says what is wrong with a write, "" if nothing is.
func (l *ledger) reason(w astrosim.RoleWrite) string {
	before, after := byTarget(w.Before), byTarget(w.After)
	changed := false
	for target := range union(before, after) {
		if before[target] == after[target] {
			continue
		}
		changed = true
		e := l.due[place{w.TokenID, target}]
		switch {
		case e == nil:
			return "changes what nobody asked for on " + target
		case !e.roles[after[target]]:
			return fmt.Sprintf("sets %q on %s, which nobody declared", after[target], target)
		case e.changes == 0:
			return "is one more than there was a reason for on " + target
		}
		e.changes--
	}
	if !changed {
		return "changes nothing"
	}
	return ""
}

func (l *ledger) verdict() error {
	if len(l.needless) == 0 {
		return nil
	}
	err := fmt.Errorf("%d of %d writes had no reason", len(l.needless), l.writes)
	for _, n := range l.needless[:min(len(l.needless), 5)] {
		err = errors.Join(err, errors.New(n))
	}
	return err
}

func byTarget(roles []astrosim.Role) map[string]string {
	all := map[string]string{}
	for _, r := range roles {
		all[r.EntityID] = r.Role
	}
	return all
}

func union(a, b map[string]string) map[string]bool {
	all := map[string]bool{}
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return all
}
