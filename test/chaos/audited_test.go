package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestJudgeAudit(t *testing.T) {
	const line = `{"audit":"v1","id":"%d","token":{"id":"t"},"target":{"kind":"Workspace","id":"%s"},"from":"","to":"WORKSPACE_MEMBER","outcome":"%s","time":"%s"}` + "\n"
	now := time.Now()
	then, before := now.Format(time.RFC3339Nano), now.Add(-time.Second).Format(time.RFC3339Nano)
	cases := map[string]struct {
		reason  string
		printed string
		status  int // of the answer
		refused bool
		ended   time.Duration // after the write; 0: never
		want    string
	}{
		"Told":          {reason: "One line, one change.", printed: fmt.Sprintf(line, 1, "w", "confirmed", then), status: 200},
		"Untold":        {reason: "Astro has taken it, and nothing tells so.", status: 200, want: "no line"},
		"Elsewhere":     {reason: "The line is about another place.", printed: fmt.Sprintf(line, 1, "x", "confirmed", then), status: 200, want: "no line"},
		"Earlier":       {reason: "The line is about an earlier change.", printed: fmt.Sprintf(line, 1, "w", "confirmed", before), status: 200, want: "no line"},
		"Killed":        {reason: "The process ended before it could tell.", status: 200, ended: time.Second},
		"KilledLater":   {reason: "It ended when it had had the time to tell.", status: 200, ended: time.Minute, want: "no line"},
		"Unanswered":    {reason: "Nobody knows of an answer, and the line says so.", printed: fmt.Sprintf(line, 1, "w", "unknown", then)},
		"ConfirmedLast": {reason: "The last line of a change counts.", printed: fmt.Sprintf(line, 1, "w", "unknown", then) + fmt.Sprintf(line, 1, "w", "confirmed", then)},
		"AstrosOwn": {
			reason: "Astro has put a role of its own there.", status: 200,
			printed: fmt.Sprintf(line, 1, "w", "written", then) + strings.Replace(fmt.Sprintf(line, 1, "w", "confirmed", then), "MEMBER", "ACCESSOR", 1),
		},
		"Refused": {reason: "Astro has refused it, and the log says that it was made.", printed: fmt.Sprintf(line, 1, "w", "confirmed", then), status: 400, refused: true, want: "no request has made"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := judged(t)
			w.operator = &operator{ends: map[int]time.Time{}}
			if c.ended > 0 {
				w.operator.ends[1] = now.Add(c.ended)
			}
			a := &attempt{
				id: "call-1", at: now.Add(-time.Millisecond), process: 1, token: "t", status: c.status, read: &reading{},
				sent: []astrosim.Role{astrosim.WorkspaceRole("w", "WORKSPACE_MEMBER")}, entry: &astrosim.RoleWrite{Status: 200},
			}
			if c.refused {
				a.entry.Status = 400
			}
			w.judgeAudit(auditLines(c.printed), []*attempt{a})
			expectProblem(t, w, c.reason, c.want)
		})
	}
}

// A write without an answer did not reach Astro, and the log says by and by that Astro shows the role: that is a lie unless
// somebody else has given it since.
func TestJudgeAuditOfWhatOthersDo(t *testing.T) {
	for _, others := range []bool{false, true} {
		w := judged(t)
		w.operator = &operator{ends: map[int]time.Time{}}
		token, target := w.token(0), w.entity(0)
		at := place{token.id, target.kind, target.id}
		about := auditLine{ID: "1", Time: time.Now(), Token: auditToken{ID: at.token}, Target: auditToken{at.kind, at.target}, To: "WORKSPACE_MEMBER", Outcome: "unknown"}
		if others {
			w.sim.Grant(at.token, astrosim.WorkspaceRole(at.target, about.To))
		}
		confirmed := about
		confirmed.Time, confirmed.Outcome = time.Now(), "confirmed"
		w.judgeAudit(map[string][]auditLine{about.ID: {about, confirmed}}, nil)
		expectProblem(t, w, "What nobody has done is not confirmed.", map[bool]string{false: "no request has made"}[others])
	}
}
