package decision

import (
	"fmt"
	"strings"
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

// TestRolesOfAstroInAStatus: Astro may call a role anything, which fits into the status and says what it is for all that. A role
// that may be declared stays as it is, so that it compares equal.
func TestRolesOfAstroInAStatus(t *testing.T) {
	ordinary := strings.Repeat("日", 256)
	for name, role := range map[string]string{
		"Long": strings.Repeat("x", 2<<20), "Hostile": "A\n{}\u202e\x1b[31m\u2800", "Ordinary": ordinary,
	} {
		t.Run(name, func(t *testing.T) {
			for what, b := range map[string]*bindingBuilder{
				"Observes": binding("a").observing(), "Never": binding("a").adopt(v1alpha1.AdoptNever),
				"Adopts": binding("a"),
			} {
				w := drive(t, situation(b, holds(w1, role)))
				st := w.statements["uid-a"].Status
				words := []string{st.PlannedChange}
				for _, c := range st.Conditions {
					words = append(words, c.Message)
				}
				for _, s := range words {
					if s != text.Line(s) || len(s) > 4096 {
						t.Errorf("%s: %d bytes: %.200q", what, len(s), s)
					}
				}
				if size := len(fmt.Sprint(st)); size > 20_000 {
					t.Errorf("%s: a status of %d bytes", what, size)
				}
				if what != "Adopts" && name == "Ordinary" && st.Role != ordinary {
					t.Errorf("%s: the role is %q", what, st.Role)
				}
				if what == "Adopts" && (st.PreviousRole == "" || name == "Ordinary" && st.PreviousRole != ordinary) {
					t.Errorf("the role before is %.200q", st.PreviousRole)
				}
			}
		})
	}
}
