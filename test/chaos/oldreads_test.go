package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// past is a schedule's beginning, and later so many milliseconds after it.
var past = time.Now().Add(-10 * time.Second)

func later(ms int) time.Time { return past.Add(time.Duration(ms) * time.Millisecond) }

// shownAt is a reading that was asked for then, of the token with a date.
func shownAt(ms int, process int, updated int, roles ...astrosim.Role) *reading {
	return &reading{asked: later(ms), at: later(ms + 1), process: process, updated: later(updated), roles: roles}
}

// instead is the reading when the token held something else already.
func (r *reading) instead(held ...astrosim.Role) *reading {
	r.old = &astrosim.OldRead{Until: r.asked.Add(-time.Millisecond), Shown: r.roles, Held: held}
	return r
}

// wrote is a write that Astro answered with the status, or not at all, made from a reading.
func wrote(ms, status int, read *reading, sent ...astrosim.Role) *attempt {
	a := &attempt{at: later(ms), process: read.process, token: "t", read: read, sent: sent, status: status}
	a.entry = &astrosim.RoleWrite{Time: a.at, Before: read.truth(), After: sent, Status: 200}
	return a
}

func TestTells(t *testing.T) {
	member, admin := astrosim.WorkspaceRole("w", "WORKSPACE_MEMBER"), astrosim.DeploymentRole("d", "DEPLOYMENT_ADMIN")
	dag := astrosim.DAGRole("d", "dag", "DAG_VIEWER")
	cases := map[string]struct {
		reason string
		before func(*writes)
		read   *reading
		want   bool
	}{
		"Nothing":       {"The process knows nothing.", func(*writes) {}, shownAt(100, 1, 5), false},
		"ShownLater":    {"It was shown a later date by id.", func(w *writes) { w.shown("t", shownAt(50, 1, 7)) }, shownAt(100, 1, 5), true},
		"ShownSame":     {"The same date tells nothing.", func(w *writes) { w.shown("t", shownAt(50, 1, 5)) }, shownAt(100, 1, 5), false},
		"ShownToOther":  {"Another process was.", func(w *writes) { w.shown("t", shownAt(50, 1, 7)) }, shownAt(100, 2, 5), false},
		"ShownOfOther":  {"It was another token.", func(w *writes) { w.shown("u", shownAt(50, 1, 7)) }, shownAt(100, 1, 5), false},
		"ShownAfter":    {"It was shown only after it had asked.", func(w *writes) { w.shown("t", shownAt(100, 1, 7)) }, shownAt(100, 1, 5), false},
		"Listed":        {"A listing showed it.", func(w *writes) { w.listed(1, later(50), map[string]time.Time{"t": later(7)}) }, shownAt(400, 1, 5), true},
		"ListedJustNow": {"The listing may have been under way.", func(w *writes) { w.listed(1, later(50), map[string]time.Time{"t": later(7)}) }, shownAt(100, 1, 5), false},
		"OwnRemoval":    {"It has itself taken out what is there again.", func(w *writes) { w.finish(wrote(50, 200, shownAt(40, 1, 5, member))) }, shownAt(100, 1, 5, member), true},
		"OwnGrant":      {"It has itself given what is missing.", func(w *writes) { w.finish(wrote(50, 200, shownAt(40, 1, 5), member)) }, shownAt(100, 1, 5), true},
		"OwnLongAgo":    {"No replica is so far behind.", func(w *writes) { w.finish(wrote(50, 200, shownAt(40, 1, 5), member)) }, shownAt(26000, 1, 5), false},
		"OwnShown":      {"The read shows what it wrote.", func(w *writes) { w.finish(wrote(50, 200, shownAt(40, 1, 5), member)) }, shownAt(100, 1, 5, member), false},
		"OwnElsewhere":  {"What it wrote is the same there.", func(w *writes) { w.finish(wrote(50, 200, shownAt(40, 1, 5, admin), admin, member)) }, shownAt(100, 1, 5, member), false},
		"OwnDated":      {"By the date somebody has written since.", func(w *writes) { w.finish(wrote(50, 200, shownAt(40, 1, 5), member)) }, shownAt(100, 1, 6), false},
		"OwnLost":       {"The answer was lost.", func(w *writes) { w.finish(wrote(50, 0, shownAt(40, 1, 5), member)) }, shownAt(100, 1, 5), false},
		"OwnDAG":        {"No binding speaks of DAGs.", func(w *writes) { w.finish(wrote(50, 200, shownAt(40, 1, 5), dag)) }, shownAt(100, 1, 5), false},
		"OwnRefused": {
			"A write that was refused does not count in the place of an earlier one.",
			func(w *writes) {
				w.finish(wrote(50, 200, shownAt(40, 1, 5), member))
				w.finish(wrote(60, 400, shownAt(55, 1, 5, member)))
			}, shownAt(100, 1, 5), true,
		},
		"OwnEarlier": {
			"The last write agrees with the read, an earlier one does not.",
			func(w *writes) {
				w.finish(wrote(50, 200, shownAt(40, 1, 5, admin), member))
				w.finish(wrote(60, 200, shownAt(55, 1, 5, member)))
			}, shownAt(100, 1, 5, admin), true,
		},
		"OwnInDoubt": {
			"What became of the last write of the place nobody knows.",
			func(w *writes) {
				w.finish(wrote(50, 200, shownAt(40, 1, 5), member))
				w.finish(wrote(60, 0, shownAt(55, 1, 5, member)))
			}, shownAt(100, 1, 5), false,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWrites()
			c.before(w)
			if got := w.tells("t", c.read); (got != "") != c.want {
				t.Errorf("%s\nwant %t, got %q", c.reason, c.want, got)
			}
		})
	}
}

func TestJudgeUndone(t *testing.T) {
	member := func(w *world) astrosim.Role { return astrosim.WorkspaceRole(w.entities[0].id, "WORKSPACE_MEMBER") }
	admin := func(w *world) astrosim.Role { return astrosim.DeploymentRole(w.entities[2].id, "DEPLOYMENT_ADMIN") }
	own := func(w *world) astrosim.Role { return astrosim.OrganizationRole(w.org, "ORGANIZATION_MEMBER") }
	cases := map[string]struct {
		reason            string
		shown, held, sent func(*world) []astrosim.Role
		told, declared    bool
		undone            int // 0, or 1 if it counts
	}{
		"PutBack": {
			"A role that was taken out is written back.",
			func(w *world) []astrosim.Role { return []astrosim.Role{own(w), member(w)} }, func(w *world) []astrosim.Role { return []astrosim.Role{own(w)} },
			func(w *world) []astrosim.Role { return []astrosim.Role{own(w), member(w), admin(w)} }, true, false, 1,
		},
		"PutBackUntold": {
			"Nothing told that the read was old.",
			func(w *world) []astrosim.Role { return []astrosim.Role{own(w), member(w)} }, func(w *world) []astrosim.Role { return []astrosim.Role{own(w)} },
			func(w *world) []astrosim.Role { return []astrosim.Role{own(w), member(w), admin(w)} }, false, false, 1,
		},
		"TakenAway": {
			"A role that was just given is gone.",
			func(w *world) []astrosim.Role { return []astrosim.Role{own(w)} }, func(w *world) []astrosim.Role { return []astrosim.Role{own(w), member(w)} },
			func(w *world) []astrosim.Role { return []astrosim.Role{own(w), admin(w)} }, true, false, 1,
		},
		"AsDeclared": {
			"It is as a binding wants it.",
			func(w *world) []astrosim.Role { return []astrosim.Role{own(w), member(w)} }, func(w *world) []astrosim.Role { return []astrosim.Role{own(w)} },
			func(w *world) []astrosim.Role { return []astrosim.Role{own(w), member(w), admin(w)} }, true, true, 0,
		},
		"NotTouched": {
			"What differs is what the write changes.",
			func(w *world) []astrosim.Role { return []astrosim.Role{own(w), member(w)} }, func(w *world) []astrosim.Role { return []astrosim.Role{own(w)} },
			func(w *world) []astrosim.Role { return []astrosim.Role{own(w), admin(w)} }, true, false, 0,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := judged(t)
			if c.declared {
				b := builders.Binding("b").In(namespaces[0]).ThroughCluster(w.shared()).ForTokenID(w.tokens[0].id).OnWorkspace(w.entities[0].id)
				object := b.WithRole("WORKSPACE_MEMBER").Object()
				object.Labels = w.labels()
				if err := w.kube.Create(t.Context(), object); err != nil {
					t.Fatal(err)
				}
			}
			read := shownAt(100, 1, 5, c.shown(w)...).instead(c.held(w)...)
			a := wrote(110, 200, read, c.sent(w)...)
			a.token, a.entry.TokenID = w.tokens[0].id, w.tokens[0].id
			if c.told {
				w.writes.shown(a.token, shownAt(50, 1, 7))
			}
			w.judgeUndone(a)
			broken, unseen := len(w.problems()), w.tally.counts["undone_unseen"]
			want := fmt.Sprint(c.undone, 0)
			if !c.told {
				want = fmt.Sprint(0, c.undone)
			}
			if got := fmt.Sprint(broken, unseen); got != want {
				t.Errorf("%s\nwant %s, got %s: %v", c.reason, want, got, w.problems())
			}
		})
	}
}

func TestWhatAnOldReadHidesIsExcused(t *testing.T) {
	for _, told := range []bool{false, true} {
		t.Run(fmt.Sprint(told), func(t *testing.T) {
			w := judged(t)
			token, p := w.tokens[0].id, place{w.tokens[0].id, astrosim.TypeWorkspace, w.entities[0].id}
			w.sim.GrantRole(token, p.kind, p.target, "WORKSPACE_MEMBER")
			if told {
				w.writes.shown(token, shownAt(50, 1, 7))
			}
			w.judgeReading(token, shownAt(100, 1, 5).instead(w.sim.Roles(token)...))
			if got := w.facts.isExcused(p, w.changesAt(p)); got == told {
				t.Errorf("excused: %t", got)
			}
			w.sim.GrantRole(token, p.kind, p.target, "WORKSPACE_OWNER")
			changes := w.changesAt(p)
			changes[0].RequestID = "call-1"
			if w.facts.isExcused(p, changes) {
				t.Error("a later change is not")
			}
		})
	}
}

func TestDatesIn(t *testing.T) {
	whole := `{"tokens":[{"id":"a","updatedAt":"2026-03-01T12:00:00.001Z"}],"totalCount":1}`
	if got := datesIn([]byte(whole)); len(got) != 1 || got["a"].Nanosecond() != 1e6 {
		t.Errorf("got %v", got)
	}
	if got := datesIn([]byte(`{"tokens":[{"id":"a"}],"totalCount":2}`)); got != nil {
		t.Errorf("a page of several is no complete listing: %v", got)
	}
}
