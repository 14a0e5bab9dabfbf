package decision

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// A role that is given up stays for another binding only if its credential was seen to write the token. Whoever adopts a role
// through a weak credential and then breaks his connection, or has the question go without an answer, keeps nothing by it.
func TestKeptWithoutProof(t *testing.T) {
	cases := map[string]struct {
		reason string
		weak   []func(*Connection)
		post   error // of the question
		read   error // of the reading before it
		says   string
		holds  string
	}{
		"Writes":       {"It may: the role is the other's.", nil, nil, nil, "unchanged, released, kept", member},
		"MayNot":       {"It may not: the role goes.", nil, errForbidden, nil, "unchanged, released, revoked", ""},
		"MayNotRead":   {"Who may not read the token may not write it.", nil, nil, errForbidden, "unchanged, released, revoked", ""},
		"Broken":       {"Its connection cannot be used.", []func(*Connection){refusedCredential}, nil, nil, "False/Revoking Held Created, kept", member},
		"NoConnection": {"Its connection is gone.", []func(*Connection){noConnection}, nil, nil, "False/Revoking Held Created, kept", member},
		"Observes":     {"Its connection observes.", []func(*Connection){observes}, nil, nil, "False/Revoking Held Created, kept", member},
		"NoAnswer":     {"The question had no answer.", nil, errLost, nil, "False/Revoking Held Created, kept", member},
		"Throttled":    {"Astro had no time for it.", nil, errThrottled, nil, "False/Revoking Held Created, kept", member},
		"Unread":       {"Nor for the reading before it.", nil, nil, errThrottled, "False/Revoking Held Created, kept", member},
		"Hidden":       {"It is not shown the token.", nil, nil, fmt.Errorf("GET: %w", astro.ErrNotFound), "False/Revoking Held Created, kept", member},
		"Revoked":      {"Its credential is not valid now.", nil, nil, fmt.Errorf("GET: %w", astro.ErrUnauthorized), "False/Revoking Held Created, kept", member},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			leaves := func(a *bindingBuilder, says string) *driver {
				t.Helper()
				w := drive(t, situation(a, binding("b").in("other").adopted(2).through("weak", c.weak...), holds(w1, member)), func(w *driver) {
					w.refuse = func([]astro.Role) error { return first(len(w.posts) == 1, c.post) }
					w.read = func(n int) error { return first(n == 1, c.read) }
				})
				differ(t, c.reason, "the binding says", says, w.states()["a"])
				differ(t, c.reason, "role", c.holds, w.on(w1))
				return w
			}
			w := leaves(binding("a").claimed(1).deleting(), c.says)
			if waits := c.says == "False/Revoking Held Created, kept"; waits && w.progress.Wake == 0 && len(w.progress.Errs) == 0 {
				t.Error("nobody looks at it again")
			}
			expired := map[string]string{
				"unchanged, released, kept": "True/Expired Released , released, kept", "unchanged, released, revoked": "True/Expired Released , released, revoked",
			}
			if says, over := expired[c.says]; over {
				leaves(binding("a").claimed(1).until(now), says)
			} else {
				leaves(binding("a").claimed(1).until(now), c.says)
			}
		})
	}
}

// TestNoProofWithoutTheOwnScopeRole: a set that lacks the token's role on its own scope is not written, not even as it was read. Doubt
// keeps the role until the credential can be asked.
func TestNoProofWithoutTheOwnScopeRole(t *testing.T) {
	unseen := func(w *driver) { w.read = func(int) error { w.astro.Roles = w.astro.Roles[1:]; return nil } }
	listed := token(func(o *Observation) { o.Token.Roles = o.Token.Roles[1:] })
	conflict := func() []part {
		return of(binding("a").claimed(1).through("weak"), binding("b").in("other").role(owner))
	}
	kept := func() []part {
		return of(binding("a").claimed(1).deleting(), binding("b").in("other").adopted(2).through("weak"))
	}
	for name, c := range map[string]struct {
		parts []part
		drive func(*driver)
		says  string // the one that wants, or gives up, the role
		of    string
	}{
		"Conflict":          {append(conflict(), listed, holds(w1, member)), nil, "False/ConflictingBinding", "b"},
		"Kept":              {append(kept(), listed, holds(w1, member)), nil, "False/Revoking Held Created, kept", "a"},
		"ConflictInTheSlot": {append(conflict(), holds(w1, member)), unseen, "False/ConflictingBinding", "b"},
		"KeptInTheSlot":     {append(kept(), holds(w1, member)), unseen, "False/Revoking Held Created, kept", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			w := drive(t, situation(c.parts...), func(w *driver) {
				if c.drive != nil {
					c.drive(w)
				}
			})
			differ(t, "Nothing is written.", "writes", 0, len(w.posts))
			differ(t, "Doubt keeps the role.", "the binding says", c.says, w.state(c.of))
		})
	}
}

// TestDriftThatIsNotCorrected: a binding whose role is known to be gone does not go on saying that it is Ready because Astro, which is
// read as ever, answers to no write. Where it has no time for it the binding waits, as always.
func TestDriftThatIsNotCorrected(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		read error
		want string
	}{
		"NoAnswer":  {errLost, nil, "Unknown/Unreachable Held Created"},
		"Throttled": {errThrottled, nil, "unchanged"},
		"Unread":    {nil, errLost, "unchanged"},
	} {
		t.Run(name, func(t *testing.T) {
			w := drive(t, situation(binding("a").claimed(1), holds(w1, owner)), func(w *driver) {
				w.refuse = func([]astro.Role) error { return c.err }
				w.read = func(int) error { return c.read }
			})
			differ(t, "The drift is known.", "states", map[string]string{"a": c.want}, w.states())
		})
	}
}

// TestDriftThatCannotBeCorrected: nor does one whose role is known to be missing because nobody can look at its target. What an outage
// says nothing of stays as it was.
func TestDriftThatCannotBeCorrected(t *testing.T) {
	unseen := func(err error) *bindingBuilder {
		return binding("a").claimed(1).but(func(b *Binding) { b.Target = TargetFinding{Looked: true, Err: err} })
	}
	broken := func() *bindingBuilder { return binding("a").claimed(1).through("acme", refusedCredential) }
	for name, c := range map[string]struct {
		reason string
		parts  []part
		want   string
	}{
		"NotReady":        {"Others have read that it is gone, and its own connection cannot give it.", of(broken(), readByID), "Unknown/ConnectionNotReady Held Created"},
		"NotReadyInPlace": {"As long as it is in place, an outage writes nothing.", of(broken(), readByID, holds(w1, member)), "unchanged"},
		"NotReadyListed":  {"A listing alone may be old.", of(broken()), "unchanged"},
		"NotReadyTold":    {"It goes on being said to who was told.", of(broken().edit(func(b *v1alpha1.ScopedTokenBinding) { b.Status.Conditions[3].Status = metav1.ConditionUnknown })), "Unknown/ConnectionNotReady Held Created"},
		"NotReadyPartial": {"Who is not shown all roles knows of none that is gone.", of(broken(), readByID, ownScopeHidden), "unchanged"},
		"TakenAway":       {"The listing shows that it was taken away.", of(unseen(errLost)), "Unknown/Unreachable Held Created"},
		"Changed":         {"Or changed.", of(unseen(errLost), holds(w1, owner)), "Unknown/Unreachable Held Created"},
		"InPlace":         {"As long as it is in place, nothing is told.", of(unseen(errLost), holds(w1, member)), "unchanged"},
		"Namespace":       {"Nor does whose namespace cannot be read, which the rules may speak of.", of(binding("a").claimed(1).but(func(b *Binding) { b.LabelsErr = errOdd })), "Unknown/Unreachable Held Created"},
		"NamespaceHeld":   {"As long as it is in place, that is no matter.", of(binding("a").claimed(1).but(func(b *Binding) { b.LabelsErr = errOdd }), holds(w1, member)), "unchanged"},
		"Throttled":       {"Astro has no time for it.", of(unseen(errThrottled)), "unchanged"},
		"Unseen":          {"Where nobody sees the token, nobody knows.", of(unseen(errLost), presence(Unseen)), "unchanged"},
		"Recovered":       {"A role that the journal alone tells of may not have been given yet.", of(unseen(errLost).but(func(b *Binding) { b.Recovered, b.Journaled = now, true })), "unchanged"},
		"Observed":        {"What the status tells already is not told as something else.", of(unseen(errLost).edit(func(b *v1alpha1.ScopedTokenBinding) { b.Status.Role = "" }).observed()), "unchanged"},
	} {
		t.Run(name, func(t *testing.T) {
			w := drive(t, situation(c.parts...))
			differ(t, c.reason, "state", c.want, w.state("a"))
			if words := "does not hold WORKSPACE_MEMBER"; c.want != "unchanged" && !strings.Contains(w.message("a"), words) {
				t.Errorf("%q does not say %q", w.message("a"), words)
			}
		})
	}
}

// TestDriftThatIsCorrectedLate: once the target can be looked at again, the role is restored, as drift.
func TestDriftThatIsCorrectedLate(t *testing.T) {
	w := drive(t, situation(binding("a").claimed(1).but(func(b *Binding) { b.Target = TargetFinding{Looked: true, Err: errLost} })))
	s := w.next(time.Minute)
	s.Bindings[0].Target = TargetFinding{Looked: true, Found: []astro.Target{shown(w1)}}
	differ(t, "The role is back.", "state", "True/DriftCorrected Held Created, changed", drive(t, s).state("a"))
}

// first is the error at first, and none afterwards.
func first(is bool, err error) error {
	if is {
		return err
	}
	return nil
}

func TestRefusedRevocationRests(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		drive  func(*driver)
		rests  bool
	}{
		"Limited":   {"The end of the pause tells.", func(w *driver) { w.limit = limitedTo(w1) }, true},
		"Forbidden": {"The next sweep tries it again.", func(w *driver) { w.refuse = func([]astro.Role) error { return errForbidden } }, true},
		"Throttled": {"Nobody has said no.", func(w *driver) { w.refuse = func([]astro.Role) error { return errThrottled } }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := drive(t, situation(binding("a").claimed(1).deleting().through("acme", limited), holds(w1, member)), c.drive)
			differ(t, c.reason, "rests", c.rests, w.progress.Wake == 0)
			w = drive(t, w.next(5*time.Second), c.drive)
			differ(t, c.reason+" So it is at the next look.", "rests", c.rests, w.progress.Wake == 0)
		})
	}
}
