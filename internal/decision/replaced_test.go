package decision

import (
	"strings"
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// Of several tokens that have the name of the one that is gone, those are told that the rules allow, and none is taken.
func TestReplacedBySeveral(t *testing.T) {
	only := func(ids ...string) func(*Connection) {
		return onlyTokens(v1alpha1.TokenRule{Scope: v1alpha1.ScopeOrganization, IDs: append(ids, token1)})
	}
	for name, c := range map[string]struct {
		reason     string
		connection func(*Connection)
		state      string
		says       string
	}{
		"All":  {"All that are allowed are told.", only("t7", "t8", "t9"), "False/TokenReplaced", "has its name: t7, t8, t9; recreate the binding with one of these ids as spec.token.id"},
		"Some": {"Of the others nothing is told.", only("t7", "t8"), "False/TokenReplaced", "has its name: t7, t8; recreate"},
		"One":  {"Whether there are others does not show.", only("t7"), "False/TokenNotFound", "delete the binding, or make the token again"},
	} {
		t.Run(name, func(t *testing.T) {
			a := binding("a").named("ci").claimed(1).through("acme", c.connection).annotated(v1alpha1.AnnotationConfirmToken, "t7").but(func(b *Binding) {
				for _, id := range []string{"t7", "t8", "t9"} {
					b.Names.Tokens = append(b.Names.Tokens, alikeToken(id, "ci"))
				}
			})
			w := drive(t, situation(a, presence(Gone)))
			differ(t, c.reason, "state", c.state+" Held Created", w.state("a"))
			if m := w.message("a"); !strings.Contains(m, c.says) {
				t.Errorf("%s\nwant %q in %q", c.reason, c.says, m)
			}
		})
	}
}

// A token that is proven to be gone holds nothing. One that is only not seen may.
func TestRoleOfATokenThatIsGone(t *testing.T) {
	for p, role := range map[Presence]string{Gone: "", Absent: member} {
		st := drive(t, situation(binding("a").claimed(1), presence(p))).status("a")
		differ(t, "What Astro holds is told.", "role", role, st.Role)
		differ(t, "What was granted is kept.", "granted", member, st.Claim.GrantedRole)
	}
}
