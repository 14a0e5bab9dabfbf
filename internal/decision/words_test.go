package decision

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
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

// TestTargetIsSpelledAsItWasFound: a target that is given by its name is named as it is called now, and where it is now, once it
// was found, and as far as the rules let the reader know.
func TestTargetIsSpelledAsItWasFound(t *testing.T) {
	moved := astro.Target{Kind: astro.EntityDeployment, ID: "d1", Name: "new name", WorkspaceID: "w2"}
	const before, now = `on Deployment "name of d1" in Workspace w1`, `on Deployment "new name" in Workspace w2`
	cases := map[string]struct {
		reason  string
		binding *bindingBuilder
		held    string
		says    string
	}{
		"Moved":     {"It is where it was found.", binding("a").on(d1).claimed(1).targetNamed().found(moved), admin, now},
		"Observes":  {"Also by one that only looks.", binding("a").on(d1).seen().targetNamed().observing().found(moved), "Other", now},
		"Never":     {"Also where something is wrong.", binding("a").on(d1).seen().targetNamed().adopt(v1alpha1.AdoptNever).found(moved), "Other", now},
		"Unchanged": {"Else it is as the user spells it.", binding("a").on(d1).claimed(1).targetNamed(), admin, before},
		"ByID":      {"An id stays what it is.", binding("a").on(d1).claimed(1).found(moved), admin, `on Deployment "d1"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			st := drive(t, situation(c.binding, holds(d1, c.held))).statements["uid-a"].Status
			if ready := meta.FindStatusCondition(st.Conditions, v1alpha1.ConditionReady); ready == nil || !strings.Contains(ready.Message, c.says) {
				t.Errorf("%s\nwant %s in %+v", c.reason, c.says, ready)
			}
		})
	}
	b := binding("a").on(d1).claimed(1).targetNamed().b
	differ(t, "The rules may keep where it is now from the reader.", "words", `Deployment "name of d1" in Workspace w1`, b.where(&Ruling{Target: &moved}))
	b.Object.Status.Target.Name, b.Object.Status.Target.WorkspaceID = "new name", "w2"
	differ(t, "What the status says is known.", "words", `Deployment "new name" in Workspace w2`, b.TargetWords())
}

// TestTheLastCorrectionIsAllThatIsTakenOver is about a target that is renamed and moved after its role was restored.
func TestTheLastCorrectionIsAllThatIsTakenOver(t *testing.T) {
	for reason, name := range map[string]string{
		"It is told by its name and place of now.":                     "loads",
		"What it is called may read like the words of the correction.": "a" + restoredAfter + "b",
	} {
		s := situation(binding("a").on(d1).claimed(1).targetNamed(), token(func(o *Observation) { o.Token.UpdatedBy = "Bob" + restoredAfter + "c" }))
		w := drive(t, s)
		differ(t, "Its role is restored.", "state", "True/DriftCorrected Held Created, changed", w.state("a"))
		moved := movedTo("w2")
		moved.Name = name
		var said string
		for i := range 3 {
			next := w.next(time.Minute)
			next.Bindings[0].Target = TargetFinding{Looked: true, Found: []astro.Target{moved}}
			w = drive(t, next)
			if m := w.message("a"); i > 1 && m != said || !strings.Contains(m, `Deployment "`+name+`" in Workspace w2`) || !strings.Contains(m, restoredAfter) {
				t.Errorf("%s\nsaid %q after %q", reason, m, said)
			}
			said = w.message("a")
		}
	}
}
