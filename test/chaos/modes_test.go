package main

import (
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

func TestJudgeObserved(t *testing.T) {
	cases := map[string]struct {
		reason string
		since  time.Duration // before the reading
		other  bool          // another connection has a binding for the place
		want   string
	}{
		"Enforces": {reason: "Nobody has thrown the switch."},
		"Observes": {reason: "The connection had said that it observes.", since: time.Second, want: "through a connection that observes"},
		"Later":    {reason: "It said so when the write was under way.", since: -time.Second},
		"Other":    {reason: "The role is that of another connection as well.", since: time.Second, other: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := judged(t)
			token, target := w.tokens[0], w.entities[0]
			w.declareFor(token, target, "WORKSPACE_MEMBER")
			if c.other {
				w.facts.declare(builders.Binding("c").In(namespaces[0]).Through(w.own()).ForTokenID(token.id).OnWorkspace(target.id).Object())
			}
			asked := time.Now()
			if c.since != 0 {
				w.observing[v1alpha1.KindClusterAstroConnection] = asked.Add(-c.since)
			}
			sent := []astrosim.Role{astrosim.WorkspaceRole(target.id, "WORKSPACE_MEMBER")}
			w.judgeWrite(&attempt{at: asked, token: token.id, sent: sent, read: &reading{asked: asked, at: asked}, entry: &astrosim.RoleWrite{Status: 200}})
			expectProblem(t, w, c.reason, c.want)
		})
	}
}
