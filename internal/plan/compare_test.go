package plan

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

func TestCompare(t *testing.T) {
	before := asLeft(world(declares(on("a")), declares(on("b").WithRole(deployer)), declares(on("c").Observe())))
	update := map[types.UID]Declared{"uid-a": {Operation: Update, Source: "a.yaml, document 1"}}
	unchanged := map[types.UID]Declared{"uid-a": {Operation: Unchanged}}
	cases := map[string]struct {
		reason   string
		now      World
		then     []func(*World)
		declared map[types.UID]Declared
		want     []string
		changes  bool
	}{
		"Nothing": {"Manifests that say what is declared change nothing.", before, nil, unchanged, []string{"a: none, unchanged"}, false},
		"Declared": {"Of the others only those are listed that fare otherwise.", before, []func(*World){deleted("a")}, map[types.UID]Declared{"uid-a": {Operation: Delete}},
			[]string{"a: change, delete", "b: change, unchanged", "c: blocked, unchanged"}, true},
		"Edited": {"Those with the same token and target among them.", before,
			[]func(*World){edit("a", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Role = deployer })}, update,
			[]string{"a: change, update", "b: change, unchanged", "c: blocked, unchanged"}, true},
		"Pending": {"What the operator does in any case is pending.", world(declares(on("a"))), nil, unchanged, []string{"a: grant, unchanged, pending"}, true},
		"Blocked": {"What is blocked as before is no change.", asLeft(world(declares(on("a").Suspended()))), nil, unchanged, []string{"a: blocked, unchanged"}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			then := tc.now
			then.Bindings = append([]*v1alpha1.ScopedTokenBinding{}, tc.now.Bindings...)
			for _, edit := range tc.then {
				edit(&then)
			}
			var got []string
			changes := false
			for _, i := range Compare(Run(tc.now), Run(then), tc.declared) {
				line := fmt.Sprintf("%s: %s, %s", i.Name, i.Action, i.Operation)
				if i.Pending {
					line += ", pending"
				}
				got, changes = append(got, line), changes || i.Changes()
			}
			fails(t, tc.reason, cmp.Diff(tc.want, got))
			if changes != tc.changes {
				t.Errorf("%s\nwant changes: %v", tc.reason, tc.changes)
			}
		})
	}
}

// TestActionOfAClaimThatGoes: a role is released only where one stays.
func TestActionOfAClaimThatGoes(t *testing.T) {
	held := asLeft(world(declares(on("a")))).Bindings[0]
	for reason, c := range map[string]struct {
		state State
		want  Action
	}{
		"It stays in Astro.":             {State{Before: held, To: admin}, Release},
		"Astro has none.":                {State{Before: held}, Nothing},
		"The object stays without claim": {State{Before: held, Object: on("a").Object()}, Release},
	} {
		if got := c.state.action(); got != c.want {
			t.Errorf("%s want %s, got %s", reason, c.want, got)
		}
	}
}
