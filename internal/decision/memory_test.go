package decision

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

func TestMemory(t *testing.T) {
	a, b := binding("a").claimed(1).b, binding("b").b
	edited := binding("a").edited().b
	refusal := Refusal{At: now}
	known := func(m Memory, b Binding, to string) bool {
		_, is := m.refusal(&b, w1, to)
		return is
	}
	var none Memory
	refused := none.refused(&a, w1, member, refusal)
	cases := map[string]struct {
		reason string
		got    bool
		want   bool
	}{
		"EmptyAtFirst":       {"Nothing is remembered.", none.Empty(), true},
		"NotEmpty":           {"A refusal is.", refused.Empty(), false},
		"ARefusal":           {"Of the binding.", known(refused, a, member), true},
		"ItsRole":            {"And the role.", known(refused, a, owner), false},
		"ItsBinding":         {"Not of another binding.", known(refused, b, member), false},
		"ItsSpec":            {"Nor of another spec.", known(refused, edited, member), false},
		"AsItWas":            {"The memory before stays as it was.", known(none, a, member), false},
		"Accepted":           {"What Astro takes there makes it forget.", known(refused.accepted(w1), a, member), false},
		"AcceptedElsewhere":  {"But not what it takes elsewhere.", known(refused.accepted(w2), a, member), true},
		"Cleared":            {"All may be forgotten.", known(refused.clearRefusals(), a, member), false},
		"ClearedKeepsWriter": {"But not who may write.", refused.writer("c", true).clearRefusals().Writers["c"], true},
		"Requested":          {"A user who asks has it forgotten.", known(refused.requested(&a, w1), a, member), false},
		"Old":                {"What is old is forgotten.", known(refused.refused(&b, w2, member, Refusal{At: now.Add(refusalAge + 1)}), a, member), false},
		"NotSoOld":           {"Not before.", known(refused.refused(&b, w2, member, Refusal{At: now.Add(refusalAge)}), a, member), true},
		"Writer":             {"A credential may write.", none.writer("c", true).Writers["c"], true},
		"Doubted":            {"Who is refused a write is asked again.", none.writer("c", true).doubted("c").Empty(), true},
		"DoubtedNo":          {"Who may not write still may not.", none.writer("c", false).doubted("c").Empty(), false},
		"DoubtedOther":       {"And another's write tells nothing of it.", none.writer("c", true).doubted("d").Writers["c"], true},
		"WriterNoMore":       {"Or not.", none.writer("c", true).writer("c", false).Writers["c"], false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { differ(t, c.reason, "remembered", c.want, c.got) })
	}
}

// TestRequestedAgain: a user may have his own credential tried again, and nobody else's. What cannot be tried stays as it was found.
func TestRequestedAgain(t *testing.T) {
	var none Memory
	known := none.writer("credential of acme", false).writer("credential of other", false)
	for name, c := range map[string]struct {
		through []func(*Connection)
		want    map[string]bool
	}{
		"Own":      {nil, known.Writers},
		"NotReady": {[]func(*Connection){func(c *Connection) { c.Ready = false }}, known.Writers},
		"Observes": {[]func(*Connection){observes}, known.Writers},
	} {
		b := binding("a").through("acme", c.through...).b
		asked := known.requested(&b, w1)
		differ(t, name+": what Astro refused stands until it says something else", "writers", c.want, asked.Writers)
		differ(t, name, "asks again", name == "Own", asked.Again["credential of acme"])
	}
}

func TestContention(t *testing.T) {
	a, edited := binding("a").b, binding("a").edited().b
	var m Memory
	for i := range contentionLimit {
		differ(t, "Less is no contention.", "contended", false, m.contended(&a, now))
		m = m.restored(now.Add(time.Duration(i)*time.Second), &a)
	}
	differ(t, "As often as that is.", "contended", true, m.contended(&a, now))
	differ(t, "Not of an edited spec.", "contended", false, m.contended(&edited, now))
	differ(t, "Nor after the window.", "contended", false, m.contended(&a, now.Add(contentionWindow)))
	asked := m.requested(&a, w1)
	differ(t, "Nor once the user asks.", "contended", false, asked.contended(&a, now))
	differ(t, "An edited spec counts anew.", "times", 1, len(m.restored(now, &edited).Contentions["uid-a"].Restored))
	other := binding("b").b
	later := m.restored(now.Add(2*contentionWindow), &other)
	differ(t, "What is old is forgotten.", "bindings", 1, len(later.Contentions))
}

func TestWhatTheOperatorDidItselfIsNoDrift(t *testing.T) {
	a, edited := binding("a").claimed(1).b, binding("a").claimed(1).role(owner).edited().b
	edited.Object.Status.Claim.GrantedRole = member
	taken := Memory{}.untold([]Change{{Change: roleset.Change{Target: w1, From: member}}})
	gone, other := Change{Change: roleset.Change{Target: w1, To: member}}, Change{Change: roleset.Change{Target: w1, From: owner, To: member}}
	for name, c := range map[string]struct {
		reason string
		memory Memory
		of     *Binding
		change Change
		want   bool
	}{
		"Drift":   {"What is not as the status tells was changed by somebody.", Memory{}, &a, gone, true},
		"Own":     {"Unless the operator did it and could not tell.", taken, &a, gone, false},
		"Since":   {"Somebody may have since.", taken, &a, other, true},
		"Told":    {"What the status tells counts.", taken.told(w1), &a, gone, true},
		"Another": {"What is told of another place does not.", taken.told(w2), &a, gone, false},
		"Edited":  {"Another role than the one in place is an edit.", Memory{}, &edited, other, false},
	} {
		differ(t, name+": "+c.reason, "changed by others", c.want, c.memory.changedByOthers(c.of, c.change))
	}
}

func TestWhatIsRememberedOfAReconcile(t *testing.T) {
	t.Run("Untold", func(t *testing.T) {
		w := drive(t, situation(binding("a").until(now.Add(-time.Minute)).made(1).claimed(1), holds(w1, member)), func(w *driver) {
			w.told = func(types.UID) error { return errConflict }
		})
		differ(t, "Its time is over.", "role", "", w.on(w1))
		w.statements = map[types.UID]Statement{} // the status could not be written, and the user wants the role for longer
		away := drive(t, w.next(time.Second, with(func(s *Situation) {
			s.Bindings[0].Object.Spec.ExpiresAt = nil
			s.Bindings[0].Connection.Ready = false
		})))
		differ(t, "Who cannot be told anything does not know it.", "places", 1, len(away.progress.Situation.Memory.Untold))
		w.statements = map[types.UID]Statement{}
		w = drive(t, w.next(time.Second, with(func(s *Situation) { s.Bindings[0].Object.Spec.ExpiresAt = nil })))
		differ(t, "What the operator has taken away is no drift.", "state", "True/Granted Held Created, changed", w.state("a"))
		differ(t, "Once it is told, nothing is remembered of it.", "places", 0, len(w.progress.Situation.Memory.Untold))
	})
	t.Run("Refusal", func(t *testing.T) {
		w := drive(t, situation(binding("a")), refuses(errInvalid, member))
		again := drive(t, w.next(time.Minute))
		differ(t, "A refused change rests until the next sweep.", "effects", is{"Read acme", "Report"}, again.effects)
		differ(t, "And is told the same.", "state", "False/RefusedByAstro", again.state("a"))
		later := drive(t, again.next(5*time.Minute))
		differ(t, "Then it is tried again.", "state", "True/Granted Held Created, changed", later.state("a"))
	})
	t.Run("RefusedAndFirst", func(t *testing.T) {
		w := drive(t, situation(binding("a").role("Typo"), binding("b"), binding("c").role("Typo")), refuses(errInvalid, "Typo"))
		differ(t, "What Astro refuses keeps nobody from a place.", "role", member, w.on(w1))
		w = drive(t, w.next(time.Hour))
		differ(t, "And does not win it back.", "states", so{
			"a": "False/ConflictingBinding", "b": "True/Granted Held Created", "c": "False/ConflictingBinding",
		}, w.states())
		differ(t, "Nor is it tried.", "posts", 0, len(w.posts))
	})
	t.Run("RefusedAndHeld", func(t *testing.T) {
		w := drive(t, situation(binding("a").claimed(1).role("Typo"), binding("b").role(owner), holds(w1, member)), refuses(errInvalid, "Typo"))
		differ(t, "Who holds the place keeps it, whatever comes of an edit.", "role", member, w.on(w1))
		differ(t, "And says so.", "state of the other", "False/ConflictingBinding", w.state("b"))
	})
	t.Run("RefusedAndThere", func(t *testing.T) {
		refused := remembered(func(m Memory) Memory {
			return m.refused(&binding("a").claimed(1).b, w1, member, Refusal{At: now, Invalid: true, Fault: fault.Quiet()})
		})
		w := drive(t, situation(binding("a").claimed(1), binding("b").claimed(2), binding("c").claimed(3).deleting(), holds(w1, member), refused))
		differ(t, "A refusal of before takes no role away that is in place.", "posts", 0, len(w.posts))
	})
	t.Run("Drift", func(t *testing.T) {
		w := drive(t, situation(binding("a").claimed(1), holds(w1, member)))
		for n := range contentionLimit + 1 {
			s := w.next(time.Minute)
			s.Token.Token.Roles = s.Token.Token.Roles[:1]
			holds(w1, owner)(&s)
			w = drive(t, s)
			want := "True/DriftCorrected Held Created, changed"
			if n == contentionLimit {
				want = "False/ExternalWriter Held Created"
			}
			differ(t, "A role that others change back is restored a few times, then left alone.", "state", want, w.state("a"))
		}
		w = drive(t, w.next(time.Minute, with(func(s *Situation) {
			s.Bindings[0].Object.Annotations = map[string]string{v1alpha1.AnnotationRequestedAt: "again"}
		})))
		differ(t, "Until the user asks.", "role", member, w.on(w1))
		differ(t, "Which is no edit of the role.", "state", "True/DriftCorrected Held Created, changed", w.state("a"))
	})
	t.Run("Forbidden", func(t *testing.T) {
		w := drive(t, situation(binding("a"), binding("b").through("other")), func(w *driver) {
			w.refuse = func(_ []astro.Role) error {
				if len(w.posts) == 1 {
					return errForbidden
				}
				return nil
			}
		})
		differ(t, "What is forbidden to one is made through the next, in the same reconcile.", "states",
			so{"a": "True/Granted Held Created, changed", "b": "True/Granted Held Created, changed"}, w.states())
		if w.posts[1].Through != connection("other").ID {
			t.Errorf("made through %s", w.posts[1].Through)
		}
	})
	t.Run("ForbiddenToAnotherCredential", func(t *testing.T) {
		w := drive(t, situation(binding("a")), refuses(errForbidden, member))
		w = drive(t, w.next(time.Minute))
		differ(t, "What is forbidden rests.", "state", "False/PermissionDenied", w.state("a"))
		w = drive(t, w.next(time.Second, with(func(s *Situation) { s.Bindings[0].Connection.Credential = "stronger" })))
		differ(t, "With another API token it is tried at once.", "state", "True/Granted Held Created, changed", w.state("a"))
	})
	t.Run("Unshown", func(t *testing.T) {
		otherwise := func(w *driver) {
			w.update = func(u astro.Update) astro.Update {
				u.Confirmed = false
				w.astro.Roles = append(slices.Clone(w.astro.Roles[:1]), astro.NewRole(d1.Kind, d1.ID, "Deploy Only"))
				return u
			}
		}
		b := binding("a").on(d1).role("deploy only")
		w := drive(t, situation(b), otherwise)
		differ(t, "What Astro took and does not show is looked at soon.", "wake", lookAgain, w.progress.Wake)
		w = drive(t, w.next(lookAgain), otherwise)
		differ(t, "It is tried once more.", "writes", 1, len(w.posts))
		w = drive(t, w.next(lookAgain), otherwise)
		differ(t, "And then left alone.", "writes", 0, len(w.posts))
		differ(t, "Without another look.", "wake", time.Duration(0), w.progress.Wake)
		if words := w.message("a"); !strings.Contains(words, "change Deploy Only to deploy only") || !strings.Contains(words, "next sweep") {
			t.Errorf("says %s", words)
		}
		w = drive(t, w.next(5*time.Minute), otherwise)
		differ(t, "Until the next sweep.", "writes", 1, len(w.posts))
		asked := w.next(lookAgain, with(func(s *Situation) {
			s.Bindings[0].Object.Annotations = map[string]string{v1alpha1.AnnotationRequestedAt: "again"}
		}))
		w = drive(t, asked)
		differ(t, "Or the user asks; what Astro shows is done.", "state", "True/RoleUpdated Held Created, changed", w.state("a"))
	})
	t.Run("UnshownRestored", func(t *testing.T) {
		never := func(w *driver) {
			w.update = func(u astro.Update) astro.Update {
				u.Confirmed, w.astro.Roles = false, w.astro.Roles[:1]
				return u
			}
		}
		w := drive(t, situation(binding("a").claimed(1)), never)
		for range contentionLimit {
			w = drive(t, w.next(5*time.Minute), never)
		}
		differ(t, "What Astro does not show is nobody else's doing.", "state", "False/DriftDetected Held Created, changed", w.state("a"))
		w = drive(t, w.next(5*time.Minute))
		differ(t, "It is tried at each sweep.", "state", "True/DriftCorrected Held Created, changed", w.state("a"))
	})
	t.Run("UnshownThroughTwo", func(t *testing.T) {
		never := func(w *driver) {
			w.update = func(u astro.Update) astro.Update {
				u.Confirmed, w.astro.Roles = false, w.astro.Roles[:1]
				return u
			}
		}
		w := drive(t, situation(binding("a"), binding("b").on(w2).through("other")), never)
		w = drive(t, w.next(lookAgain), never)
		w = drive(t, w.next(lookAgain), never)
		differ(t, "Of two that write by turns, neither has the other's tried again.", "writes", 0, len(w.posts))
	})
	t.Run("RecoveredRefused", func(t *testing.T) {
		bad := func(w *driver) { refuses(errInvalid, "bad")(w) }
		a := binding("b").on(d1).role("bad").recovered(onDay(1)).finalized()
		w := drive(t, situation(a, binding("a").on(d1), readByID), bad, func(w *driver) { w.journal[a.b.Object.UID] = *a.b.Claim })
		differ(t, "A claim that only the journal has, and whose role Astro refuses, keeps nobody from the place.", "role", admin, w.on(d1))
		differ(t, "It is in the journal no more.", "entries", 0, len(w.journal))
	})
	t.Run("RecoveredHeldBack", func(t *testing.T) {
		journalled := func(x *bindingBuilder) func(*driver) {
			return func(w *driver) { w.journal[x.b.Object.UID] = *x.b.Claim }
		}
		a := binding("a").recovered(onDay(1)).finalized().suspended()
		w := drive(t, situation(a, binding("b").role(owner)), journalled(a))
		differ(t, "A claim that only the journal has, and that is suspended before its role is there, keeps nobody from the place.", "role", owner, w.on(w1))
		differ(t, "It is in the journal no more.", "entries", 0, len(w.journal))
		w = drive(t, situation(a, binding("b").role(owner), holds(w1, member)), journalled(a))
		differ(t, "Where its role is there, it has the say.", "state", "False/ConflictingBinding", w.state("b"))
		fresh := binding("a").recovered(now.Add(-4 * time.Second)).finalized().suspended()
		w = drive(t, situation(fresh, binding("b").role(owner)), journalled(fresh))
		differ(t, "While a write may still arrive, it has the say, too.", "role", "", w.on(w1))
		differ(t, "And another look is asked for.", "wake", 6*time.Second, w.progress.Wake)
	})
	t.Run("RevocationRefused", func(t *testing.T) {
		w := drive(t, situation(binding("a").claimed(1).deleting(), holds(w1, member)), func(w *driver) {
			w.refuse = func([]astro.Role) error { return errInvalid }
		})
		w = drive(t, w.next(lookAgain))
		differ(t, "A revocation that Astro refused rests until the next sweep.", "writes", 0, len(w.posts))
		w = drive(t, w.next(lookAgain, with(func(s *Situation) {
			s.Bindings[0].Object.Annotations = map[string]string{v1alpha1.AnnotationRequestedAt: "again"}
		})))
		differ(t, "Or until the user asks.", "role", "", w.on(w1))
	})
	t.Run("WorkspaceAfterDeployment", func(t *testing.T) {
		w := drive(t, situation(binding("a").on(d1)), refuses(errInvalid, admin))
		differ(t, "A Deployment's role may want one on the Workspace.", "state", "False/ParentRoleMissing", w.state("a"))
		s := w.next(time.Minute, binding("b"))
		w = drive(t, s)
		differ(t, "Once that is there the other is tried at once.", "role", admin, w.on(d1))
	})
}
