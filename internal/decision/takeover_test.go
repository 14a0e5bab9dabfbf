package decision

import (
	"slices"
	"strings"
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// TestTakesOverWhatTheRulesCouldGive: who may give a weak role only does not come by a strong one that somebody else gave,
// in order to lower or to remove it.
func TestTakesOverWhatTheRulesCouldGive(t *testing.T) {
	weak := func(name string) *bindingBuilder { return binding(name).through("acme", onlyRole(member)) }
	strong := func(name string) *bindingBuilder { return binding(name).role(owner).through("acme") }
	both := allowing(func(r *v1alpha1.AllowRule) { r.Roles = []string{member, owner} })
	raised := with(func(s *Situation) { s.Token.ByID = false })
	cases := map[string]struct {
		reason string
		parts  []part
		want   map[string]string
		left   string
	}{
		"Stronger": {"The rule could not give this role, so the binding may not lower it.", of(weak("a"), holds(w1, owner)), so{"a": "False/ExistingRole"}, owner},
		"Deleted":  {"Nor is it removed when the binding that was refused goes.", of(weak("a").finalized().deleting(), holds(w1, owner)), so{"a": "unchanged, released"}, owner},
		"Same":     {"What it could have given it takes over.", of(weak("a"), holds(w1, member)), so{"a": "True/Adopted Held Adopted"}, member},
		"Allowed":  {"So it does with any other role that a rule would let it give.", of(binding("a").through("acme", both), holds(w1, owner)), so{"a": "True/Adopted Held Adopted, changed"}, member},
		"Twice":    {"Of two in its place the rule could give one only.", of(weak("a"), holds(w1, member), holds(w1, owner)), so{"a": "False/ExistingRole"}, member},
		"Empty":    {"Where there is none, the role is given.", of(weak("a")), so{"a": "True/Granted Held Created, changed"}, member},
		"Raised": {
			"The role that the fresh read shows counts, and not the listing's.", of(weak("a"), raised), so{"a": "False/ExistingRole"}, owner,
		},
		"RaisedFromTheSame": {
			"So it does where the listing shows the declared role, which is taken over without a write.", of(weak("a"), holds(w1, member), raised), so{"a": "False/ExistingRole"}, owner,
		},
		"Observing": {"Who observes is told the same.", of(weak("a").observing(), holds(w1, owner)), so{"a": "False/ExistingRole"}, owner},
		"Heir": {
			"A role that was declared goes with its declaration, and the next in its place gives what it declares.",
			of(strong("a").claimed(1).deleting(), weak("b"), holds(w1, owner)), so{"a": "unchanged, released, kept", "b": "True/Granted Held Created, changed"}, member,
		},
		"Declared": {"While it is declared, it is the other binding's.", of(strong("a").claimed(1), weak("b"), holds(w1, owner)), so{"a": "True/Granted Held Created", "b": "False/ConflictingBinding"}, owner},
		"Strong":   {"A binding that is refused keeps nobody from the role who may give it.", of(weak("a"), strong("b"), holds(w1, owner)), so{"a": "False/ExistingRole", "b": "True/Adopted Held Adopted"}, owner},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := situation(append([]part{readByID}, c.parts...)...)
			w := drive(t, s, func(w *driver) {
				if !s.Token.ByID {
					w.read = func(int) error {
						w.astro.Roles = append(slices.Clone(w.astro.Roles[:1]), astro.NewRole(w1.Kind, w1.ID, owner))
						return nil
					}
				}
			})
			differ(t, c.reason, "states", c.want, w.states())
			differ(t, c.reason, "role", c.left, w.on(w1))
			if len(w.journal) > 0 {
				t.Errorf("%s\nthe journal is left with %v", c.reason, w.journal)
			}
		})
	}
}

func TestWhyARoleIsNotTakenOver(t *testing.T) {
	weak := binding("a").through("acme", onlyRole(member))
	for want, b := range map[string]*bindingBuilder{"the rules of ClusterAstroConnection acme": weak, "spec.adopt: Never": binding("a").adopt(v1alpha1.AdoptNever)} {
		if got := drive(t, situation(b, holds(w1, owner))).message("a"); !strings.Contains(got, owner) || !strings.Contains(got, want) {
			t.Errorf("want %q and %q in %q", owner, want, got)
		}
	}
}
