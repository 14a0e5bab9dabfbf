package decision

import (
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
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

// TestWaysToTakeOver: the ways out that are named lead out.
func TestWaysToTakeOver(t *testing.T) {
	const always, declares = ", or set spec.adopt: Always", ", or set spec.role: " + owner
	same, never := v1alpha1.AdoptIfSameRole, v1alpha1.AdoptNever
	one, both := onlyRole(member), allowing(func(r *v1alpha1.AllowRule) { r.Roles = []string{member, owner} })
	for name, c := range map[string]struct {
		adopt v1alpha1.AdoptPolicy
		rules func(*Connection)
		there string
		want  string
	}{
		"Both":          {same, both, owner, always + declares},
		"NotTheRole":    {same, one, owner, "; the rules of ClusterAstroConnection acme do not let this binding take it over"},
		"Never":         {never, both, owner, always},
		"NeverOfOwn":    {never, one, member, always},
		"NeverOfOthers": {never, one, owner, "; the rules of ClusterAstroConnection acme do not let this binding take it over"},
	} {
		t.Run(name, func(t *testing.T) {
			got := drive(t, situation(binding("a").adopt(c.adopt).through("acme", c.rules), holds(w1, c.there))).message("a")
			if want := "remove it in Astro" + c.want; !strings.HasSuffix(got, want) {
				t.Errorf("want %q at the end of %q", want, got)
			}
		})
	}
}

// TestARoleThatGoesWaitsForItsHeir is about a binding that could not be given its finalizer, or be written down, just when it was to
// take a role over that another one gives up.
func TestARoleThatGoesWaitsForItsHeir(t *testing.T) {
	patched := func(err error) func(*driver) {
		return func(w *driver) {
			w.patched = func(uid types.UID) error {
				if uid == "uid-b" {
					return err
				}
				return nil
			}
		}
	}
	conflict := patched(errConflict)
	expired := func(o *v1alpha1.ScopedTokenBinding) { o.Spec.ExpiresAt = new(metav1.NewTime(onDay(28))) }
	leaving := func() *bindingBuilder { return binding("a").claimed(1).deleting() }
	waits := is{"AddFinalizers b", "Read acme", "Report", "Report"}
	revoked := is{"AddFinalizers b", "ReadForWrite acme", "MayRevoke acme w1", "Post acme w1: remove WORKSPACE_MEMBER", "Report", "Report"}
	cases := sequences{
		"Deleted": {
			reason: "Somebody else has changed the metadata of the heir: the next look gives it its finalizer.",
			parts:  of(leaving(), binding("b"), holds(w1, member)), drive: conflict,
			effects: waits, states: so{"a": "False/Revoking Held Created", "b": "unchanged"}, holds: at{w1: member},
			also: func(t *testing.T, w *driver) {
				looksAgain(time.Second)(t, w)
				again := drive(t, w.next(time.Second))
				differ(t, "Then the one takes the role over, and the other goes.", "states",
					so{"a": "unchanged, released, kept", "b": "True/Granted Held Created"}, again.states())
				differ(t, "The role stayed.", "writes", 0, len(w.posts)+len(again.posts))
			},
		},
		"Orphan": {
			reason: "So it is where the object is gone.", parts: of(binding("a").claimed(1).orphan(), binding("b"), holds(w1, member)), drive: conflict,
			effects: waits, holds: at{w1: member},
		},
		"Expired": {
			reason: "Or where its time is over.", parts: of(binding("a").edit(expired).claimed(1), binding("b"), holds(w1, member)), drive: conflict,
			effects: waits, holds: at{w1: member},
		},
		"Withdrawn": {
			reason: "Or where the rules allow it no more.",
			parts:  of(binding("a").through("acme", onlyRole(owner), withdrawing).claimed(1), binding("b").through("other", shared), holds(w1, member)), drive: conflict,
			effects: waits, holds: at{w1: member},
		},
		"WebhookFails": {
			reason: "A webhook that fails may answer the next time.",
			parts:  of(leaving(), binding("b"), holds(w1, member)), drive: patched(apierrors.NewInternalError(errOdd)),
			effects: waits, holds: at{w1: member},
		},
		"AnotherRole": {
			reason: "What cannot be written down now is given by the next look, too.",
			parts:  of(leaving(), binding("b").role(owner), holds(w1, member)), drive: func(w *driver) { w.stored = errOdd },
			effects: is{"AddFinalizers b", "WriteJournal b", "Read acme", "Report", "Report"},
			states:  so{"a": "False/Revoking Held Created", "b": "Unknown/JournalUnwritable"}, holds: at{w1: member},
		},
		"JournalRefused": {
			reason: "A journal that Kubernetes refuses holds up no revocation.",
			parts:  of(leaving(), binding("b").role(owner), holds(w1, member)), drive: func(w *driver) { w.stored = errDenied },
			effects: is{"AddFinalizers b", "WriteJournal b", "ReadForWrite acme", "MayRevoke acme w1", "Post acme w1: remove WORKSPACE_MEMBER", "Report", "Report"},
			holds:   at{w1: ""},
		},
		"Refused": {
			reason: "A finalizer that Kubernetes refuses may be refused for ever.",
			parts:  of(leaving(), binding("b"), holds(w1, member)), drive: patched(errDenied),
			effects: revoked, holds: at{w1: ""},
		},
		"NotAllowed": {
			reason:  "Who would not be given the role keeps nobody waiting.",
			parts:   of(leaving(), binding("b").through("acme", onlyRole(owner)).finalized(), holds(w1, member), leftOut("uid-b")),
			effects: revoked[1:], holds: at{w1: ""},
		},
		"AnotherHeir": {
			reason: "Another one takes the role over meanwhile, and nobody waits.",
			parts:  of(leaving(), binding("b"), binding("c").made(2), holds(w1, member)), drive: conflict,
			effects: is{"AddFinalizers b c", "Read acme", "Report", "Report"},
			states:  so{"a": "unchanged, released, kept", "b": "unchanged", "c": "True/Granted Held Created"}, holds: at{w1: member},
		},
		"ThroughAnother": {
			reason: "One through another credential has to show that it may write the token.",
			parts:  of(leaving(), binding("b").through("other"), holds(w1, member)), drive: conflict,
			effects: is{"AddFinalizers b", "ReadForWrite other", "Post other as it is", "Report", "Report"}, holds: at{w1: member},
		},
		"ThroughOneThatMayNot": {
			reason: "If it may not, nothing waits for it.",
			parts:  of(leaving(), binding("b").through("weak"), holds(w1, member)),
			drive: func(w *driver) {
				conflict(w)
				w.refuse = func([]astro.Role) error {
					if w.posts[len(w.posts)-1].Through == connection("weak").ID {
						return errForbidden
					}
					return nil
				}
			},
			effects: append(is{"AddFinalizers b", "ReadForWrite weak", "Post weak as it is"}, revoked[1:]...), holds: at{w1: ""},
		},
	}
	cases.check(t)
}

// leftOut says that bindings are left alone, and waited for.
func leftOut(uids ...types.UID) with {
	return func(s *Situation) {
		*s = Progress{Situation: *s}.notStored(fault.Quiet(), errConflict, uids...).Situation
	}
}
