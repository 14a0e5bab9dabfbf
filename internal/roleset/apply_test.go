package roleset_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	. "github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

func TestApply(t *testing.T) {
	const (
		tag     = `{ "entityType" : "DAG_TAG", "entityId":"<etl>", "deploymentId":"d1","role":"DAG_VIEWER" }`
		unknown = `{"entityType":"GALAXY","entityId":"d1","role":"Viewer","nested":{"b":[1, 2],"a":null}}`
	)
	change := func(t Target, from, to string) Change { return Change{Target: t, From: from, To: to} }
	cases := map[string]struct {
		reason  string
		roles   []string
		changes []Change
		want    []string
	}{
		"NoChange": {
			reason: "Without changes every entry is given back as it was read.",
			roles:  []string{ownRole, tag, unknown, on(dep1, viewer)},
			want:   []string{ownRole, tag, unknown, on(dep1, viewer)},
		},
		"AdditionsComeLastInPlanOrder": {
			reason:  "Whatever the order in which they are given.",
			roles:   []string{ownRole, tag},
			changes: []Change{change(dep2, "", viewer), change(dep1, "", admin), change(ws1, "", member)},
			want: []string{
				ownRole, tag,
				`{"entityType":"WORKSPACE","entityId":"w1","role":"WORKSPACE_MEMBER"}`,
				`{"entityType":"DEPLOYMENT","entityId":"d1","role":"DEPLOYMENT_ADMIN"}`,
				`{"entityType":"DEPLOYMENT","entityId":"d2","role":"Viewer"}`,
			},
		},
		"UpdateKeepsPlaceAndFields": {
			reason:  "Only the role of the entry changes; entries of other types with the same id are not meant.",
			roles:   []string{on(dep1, viewer), unknown, tag, ownRole},
			changes: []Change{change(dep1, viewer, admin)},
			want:    []string{on(dep1, admin), unknown, tag, ownRole},
		},
		"RemovalTakesAllOfAKey": {
			reason:  "All entries under the key go, and roles on what is in the Deployment stay.",
			roles:   []string{on(dep1, viewer), ownRole, tag, on(dep1, admin)},
			changes: []Change{change(dep1, viewer, "")},
			want:    []string{ownRole, tag},
		},
		"RemovalOfWhatIsGone": {
			reason:  "There is nothing to do.",
			roles:   []string{ownRole},
			changes: []Change{change(dep1, viewer, "")},
			want:    []string{ownRole},
		},
		"FromNoLongerMatches": {
			reason:  "The change is made to what is there now.",
			roles:   []string{ownRole, on(dep1, deployer)},
			changes: []Change{change(dep1, viewer, admin), change(dep2, viewer, admin)},
			want:    []string{ownRole, on(dep1, admin), `{"entityType":"DEPLOYMENT","entityId":"d2","role":"DEPLOYMENT_ADMIN"}`},
		},
		"DuplicatesFoldIntoTheOneThatIsRight": {
			reason:  "The entry that has the role stays as it was read, in the place of the first.",
			roles:   []string{on(dep1, admin), ownRole, `{"entityType":"DEPLOYMENT","entityId":"d1","role":"Viewer"}`, on(dep1, deployer)},
			changes: []Change{change(dep1, admin, viewer)},
			want:    []string{`{"entityType":"DEPLOYMENT","entityId":"d1","role":"Viewer"}`, ownRole},
		},
		"DuplicatesOfOthersStay": {
			reason:  "What no change speaks of stays as it is.",
			roles:   []string{on(dep2, viewer), on(dep2, viewer), ownRole, on(dep2, admin)},
			changes: []Change{change(dep1, "", admin)},
			want: []string{
				on(dep2, viewer), on(dep2, viewer), ownRole, on(dep2, admin), `{"entityType":"DEPLOYMENT","entityId":"d1","role":"DEPLOYMENT_ADMIN"}`,
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			roles := read(c.roles...)
			if diff := cmp.Diff(c.want, wires(Apply(roles, c.changes))); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", c.reason, diff)
			}
			if diff := cmp.Diff(c.roles, wires(roles)); diff != "" {
				t.Errorf("the roles given must not change\n-want +got:\n%s", diff)
			}
		})
	}
}

func TestConfirmed(t *testing.T) {
	changes := []Change{{Target: ws1, To: member}, {Target: dep1, From: viewer, To: admin}, {Target: dep2, From: admin}}
	extra := on(ws2, accessor)
	cases := map[string]struct {
		reason string
		after  []string
		want   bool
	}{
		"AllAsWanted":         {"Roles that no change speaks of do not matter.", []string{on(ws1, member), on(dep1, admin), extra}, true},
		"AdditionIsMissing":   {"An addition must be there.", []string{on(dep1, admin)}, false},
		"UpdateHasOldRole":    {"An update must have its role.", []string{on(ws1, member), on(dep1, viewer)}, false},
		"RemovedIsStillThere": {"What was removed must be gone.", []string{on(ws1, member), on(dep1, admin), on(dep2, viewer)}, false},
		"OldRoleBesideTheNew": {"The role must be the only one on the target.", []string{on(ws1, member), on(dep1, viewer), on(dep1, admin)}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Confirmed(read(c.after...), changes); got != c.want {
				t.Errorf("%s want %v, got %v", c.reason, c.want, got)
			}
		})
	}
	if !Confirmed(nil, nil) {
		t.Error("no changes are confirmed by anything")
	}
}

func TestChangeString(t *testing.T) {
	for want, c := range map[string]Change{
		"add DEPLOYMENT_ADMIN":              {To: admin},
		"remove Viewer":                     {From: viewer},
		"change Viewer to DEPLOYMENT_ADMIN": {From: viewer, To: admin},
		"change a [31mb to Viewer":          {From: "a\n\u202e\x1b[31mb\u3164", To: viewer},
	} {
		if got := c.String(); got != want {
			t.Errorf("want %q, got %q", want, got)
		}
	}
	if got := (Change{From: strings.Repeat("x", 2<<20), To: admin}).String(); len(got) > 2048 || !strings.HasSuffix(got, " to "+admin) {
		t.Errorf("%d bytes, of which the end is not seen", len(got))
	}
}

func TestHalve(t *testing.T) {
	all := []Change{{Target: ws1}, {Target: ws2}, {Target: dep1}}
	for n := range len(all) + 1 {
		first, rest := Halve(all[:n])
		if len(first) < len(rest) || n > 1 && len(rest) == 0 {
			t.Errorf("%d changes: halves of %d and %d", n, len(first), len(rest))
		}
		_ = append(first, Change{})
		if diff := cmp.Diff(all[:n], append(first, rest...), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%d changes: the halves are not the whole\n-want +got:\n%s", n, diff)
		}
	}
}
