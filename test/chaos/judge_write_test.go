package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// judged is a world that only judges.
func judged(t *testing.T) *world {
	t.Helper()
	l := &lane{options: options{}, figures: newFigures(t.Output(), options{}), kube: fake.NewClientBuilder().WithScheme(newScheme()).Build()}
	p := plan{number: 1, workspaces: 2, deployments: 2, tokens: 1}
	return l.newWorld(context.Background(), p)
}

// declare puts a claim and its declaration on record.
func (w *world) declareFor(token, target *entity, role string) {
	b := builders.Binding("b").In(namespaces[0]).ThroughCluster(w.shared()).ForTokenID(token.id)
	if target.kind == astrosim.TypeWorkspace {
		b.OnWorkspace(target.id)
	} else {
		b.OnDeployment(target.id)
	}
	w.facts.declare(b.WithRole(role).Object())
	w.facts.held[place{token.id, target.kind, target.id}] = true
}

func TestJudgeWrite(t *testing.T) {
	dag := astrosim.RawRole(`{"entityType":"DAG","entityId":"d","deploymentId":"x","role":"DAG_VIEWER","extra": 1}`)
	member := func(w *world) astrosim.Role { return astrosim.WorkspaceRole(w.entities[0].id, "WORKSPACE_MEMBER") }
	own := func(w *world) astrosim.Role { return astrosim.OrganizationRole(w.org, "ORGANIZATION_MEMBER") }
	cases := map[string]struct {
		reason     string
		read, sent func(*world) []astrosim.Role
		late       time.Duration
		unread     bool
		want       string
	}{
		"Declared": {
			reason: "A declared role that is added, beside what was read, is as it should be.",
			read:   func(w *world) []astrosim.Role { return []astrosim.Role{own(w), dag} },
			sent:   func(w *world) []astrosim.Role { return []astrosim.Role{own(w), dag, member(w)} },
		},
		"ForeignDropped": {
			reason: "A role nobody declared is missing.",
			read:   func(w *world) []astrosim.Role { return []astrosim.Role{own(w), dag} },
			sent:   func(w *world) []astrosim.Role { return []astrosim.Role{own(w), member(w)} },
			want:   "nobody has held a claim",
		},
		"ForeignRespelled": {
			reason: "A role nobody declared comes back in other bytes.",
			read:   func(w *world) []astrosim.Role { return []astrosim.Role{own(w), dag} },
			sent: func(w *world) []astrosim.Role {
				return []astrosim.Role{own(w), astrosim.DAGRole("x", "d", "DAG_VIEWER"), member(w)}
			},
			want: "nobody has held a claim",
		},
		"OtherRole": {
			reason: "The place is held, but nobody declared that role.",
			read:   func(w *world) []astrosim.Role { return []astrosim.Role{own(w)} },
			sent: func(w *world) []astrosim.Role {
				return []astrosim.Role{own(w), astrosim.WorkspaceRole(w.entities[0].id, "WORKSPACE_OWNER")}
			},
			want: "nobody has declared that role",
		},
		"OtherPlace": {
			reason: "Nobody holds a claim there.",
			read:   func(w *world) []astrosim.Role { return []astrosim.Role{own(w)} },
			sent: func(w *world) []astrosim.Role {
				return []astrosim.Role{own(w), astrosim.WorkspaceRole(w.entities[1].id, "WORKSPACE_MEMBER")}
			},
			want: "nobody has held a claim",
		},
		"FieldLost": {
			reason: "An update of a declared role loses a field that somebody else wrote.",
			read: func(w *world) []astrosim.Role {
				return []astrosim.Role{own(w), astrosim.RawRole(`{"entityType":"WORKSPACE","entityId":"` + w.entities[0].id + `","role":"WORKSPACE_OWNER","by":"x"}`)}
			},
			sent: func(w *world) []astrosim.Role { return []astrosim.Role{own(w), member(w)} },
			want: "changes more of",
		},
		"Unread": {
			reason: "There was no reading before.", unread: true,
			read: func(w *world) []astrosim.Role { return []astrosim.Role{own(w)} },
			sent: func(w *world) []astrosim.Role { return []astrosim.Role{own(w), member(w)} },
			want: "starts from no reading",
		},
		"Overwrites": {
			reason: "What was changed long after the reading is overwritten.", late: 2 * longest,
			read: func(w *world) []astrosim.Role { return []astrosim.Role{own(w), dag} },
			sent: func(w *world) []astrosim.Role { return []astrosim.Role{own(w), dag, member(w)} },
			want: "overwrites what was changed in between",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := judged(t)
			w.declareFor(w.tokens[0], w.entities[0], "WORKSPACE_MEMBER")
			read := tc.read(w)
			sent, _ := rolesIn(bodyOf(t, tc.sent(w)))
			a := &attempt{at: time.Now(), token: w.tokens[0].id, sent: sent, entry: &astrosim.RoleWrite{Status: 200, Before: read}}
			if !tc.unread {
				a.read = &reading{at: a.at.Add(-tc.late), roles: read}
			}
			if tc.late > 0 {
				a.entry.Before = []astrosim.Role{own(w)}
			}
			w.judgeWrite(a)
			expectProblem(t, w, tc.reason, tc.want)
		})
	}
}

func bodyOf(t *testing.T, roles []astrosim.Role) []byte {
	t.Helper()
	var raw []json.RawMessage
	for _, r := range roles {
		raw = append(raw, r.Raw)
	}
	body, err := json.Marshal(map[string]any{"roles": raw})
	if err != nil {
		t.Fatal(err)
	}
	return []byte(strings.ReplaceAll(string(body), `"extra":1`, `"extra": 1`)) // json.Marshal squeezes blanks out
}

func expectProblem(t *testing.T, w *world, reason, want string) {
	t.Helper()
	got := w.problems()
	switch {
	case want == "" && len(got) > 0:
		t.Errorf("%s\ngot %v", reason, got)
	case want != "" && (len(got) == 0 || !strings.Contains(got[0].String(), want)):
		t.Errorf("%s\nwant %q, got %v", reason, want, got)
	}
}
