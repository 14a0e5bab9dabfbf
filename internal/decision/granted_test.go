package decision

import (
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// TestGrantedRole: the status says which role was last in place, by which drift is told from what a user or another binding had changed.
func TestGrantedRole(t *testing.T) {
	ago := now.Add(-time.Hour)
	given := func(role string) func(*v1alpha1.ScopedTokenBinding) {
		return func(b *v1alpha1.ScopedTokenBinding) { b.Status.Claim.GrantedRole = role }
	}
	cases := map[string]struct {
		reason string
		parts  []part
		want   string
	}{
		"Given":     {"It is there now.", of(binding("a")), member},
		"Found":     {"It was there already.", of(binding("a"), holds(w1, member)), member},
		"Edited":    {"The new one is there.", of(binding("a").claimed(1).role(owner).edited(), holds(w1, member)), owner},
		"Suspended": {"A stranger has taken it away, and nobody restores it for now.", of(binding("a").claimed(1).suspended().edited()), member},
		"Forbidden": {"Or the rules forbid that.", of(binding("a").claimed(1).through("acme", onlyRole(owner))), member},
		"SuspendedBesideAnother": {
			"Another binding has had it changed.", of(binding("a").claimed(1).suspended().edited(), binding("b").claimed(2).role(owner).edited(), holds(w1, owner)), "",
		},
		"SuspendedBesideTheSame": {"The other wants the same.", of(binding("a").claimed(2).suspended().edited(), binding("b").claimed(1), holds(w1, member)), member},
		"Conflict":               {"It gives way.", of(binding("a").claimed(2), binding("b").role(owner).claimed(1).suspended(), holds(w1, owner)), ""},
		"Discounted": {
			"Its credential may not write the token, and another's gives another role.",
			of(binding("a").claimed(1), binding("b").role(owner).through("other"), holds(w1, owner), remembered(func(m Memory) Memory { return m.writer("credential of acme", false) })), "",
		},
		"Journaled":    {"The journal tells of it, and the status gets it before the next change.", of(binding("a").recovered(ago).suspended(), holds(w1, member)), member},
		"NeverInPlace": {"The claim stands, and its role was not there yet.", of(binding("a").claimed(1).edit(given("")).suspended().edited()), ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := drive(t, situation(c.parts...))
			st := w.statements["uid-a"].Status
			if st.Claim == nil || st.Claim.State != v1alpha1.ClaimHeld {
				t.Fatalf("%s The binding holds no claim: %s", c.reason, w.state("a"))
			}
			differ(t, c.reason, "granted role", c.want, st.Claim.GrantedRole)
		})
	}
}

// TestRoleOfAForbiddenClaim: whom the rules refuse what he holds learns whether it is in place, and nothing of what is there instead.
func TestRoleOfAForbiddenClaim(t *testing.T) {
	forbidden := func() *bindingBuilder { return binding("a").claimed(1).through("acme", onlyRole(owner)) }
	edited := func() *bindingBuilder {
		return binding("a").claimed(1).role(owner).edited().through("acme", onlyRole(member))
	}
	shown := func(role string) func(*v1alpha1.ScopedTokenBinding) {
		return func(b *v1alpha1.ScopedTokenBinding) { b.Status.Role = role }
	}
	cases := map[string]struct {
		reason string
		parts  []part
		want   string
	}{
		"Held":       {"It is in place.", of(forbidden(), holds(w1, member), readByID), member},
		"Gone":       {"Somebody took it away.", of(forbidden(), readByID), ""},
		"Changed":    {"What somebody made of it is not told.", of(forbidden(), holds(w1, accessor), readByID), ""},
		"Edited":     {"What the edit asks for is refused, and the old role is gone.", of(edited(), readByID), ""},
		"EditedHeld": {"The old role is in place.", of(edited().edit(shown(member)), holds(w1, member), readByID), member},
		"Back":       {"Somebody put it back.", of(forbidden().edit(shown("")), holds(w1, member), readByID), member},
		"TokenGone":  {"It went with its token.", of(forbidden(), presence(Gone)), ""},
		"Unseen":     {"Nobody could look.", of(forbidden(), presence(Unseen)), member},
		"Partial":    {"Astro did not show all roles.", of(forbidden(), ownScopeHidden, readByID), member},
		"Unchecked": {
			"The rules could not be asked.", of(forbidden().but(func(b *Binding) { b.LabelsErr = errForbidden }), readByID), member,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := drive(t, situation(c.parts...))
			st := w.statements["uid-a"].Status
			if st.Claim == nil || st.Claim.State != v1alpha1.ClaimHeld {
				t.Fatalf("%s The binding holds no claim: %s", c.reason, w.state("a"))
			}
			differ(t, c.reason, "role", c.want, st.Role)
			differ(t, c.reason, "granted role", member, st.Claim.GrantedRole)
		})
	}
}
