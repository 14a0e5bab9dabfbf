package decision

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

var (
	refusedCredential = func(c *Connection) { c.Ready, c.Reason, c.NeedsUser = false, "CredentialRejected", true }
	outOfReach        = func(c *Connection) { refusedCredential(c); c.Callable = false }
	noConnection      = func(c *Connection) { *c = Connection{ID: c.ID, Words: c.Words} }
	nobodyMay         = allowing(func(r *v1alpha1.AllowRule) { r.Namespaces.Names = []string{"nobody"} })
)

// What cannot be settled now, because nobody can read the token, waits for an event or a sweep.
func TestNothingIsLookedAtOverAndOver(t *testing.T) {
	ago := now.Add(-time.Hour)
	for name, c := range map[string]struct {
		parts []part
		err   error
	}{
		"CredentialRefused": {of(binding("a").recovered(ago).through("acme", refusedCredential), presence(Unseen)), nil},
		"NoConnection":      {of(binding("a").recovered(ago).through("acme", noConnection), presence(Unseen)), nil},
		"GoneToOthers":      {of(binding("a").recovered(ago).through("acme", outOfReach), presence(Gone)), nil},
		"TokenGone":         {of(binding("a").recovered(ago), presence(Gone)), nil},
		"Unreadable":        {of(binding("a").recovered(ago).suspended()), errForbidden},
		"Throttled":         {of(binding("a").recovered(ago).observed()), errThrottled},
		"AbsentSuspended":   {of(binding("a").recovered(ago).suspended(), presence(Absent)), nil},
		"ExpiredUnreadable": {of(over("a").claimed(1)), errForbidden},
		"ExpiredEdited":     {of(over("a").recovered(ago).but(func(b *Binding) { b.Claim.Role = owner }).suspended()), nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := drive(t, situation(c.parts...), func(w *driver) { w.read = func(int) error { return c.err } })
			if w.progress.Wake == soon && len(w.progress.Errs) == 0 {
				t.Errorf("%v, %v: it is looked at again every %s, for ever", w.effects, w.states(), soon)
			}
		})
	}
}

// TestGoneByTheWordOfOthers: a token that another connection has proven gone is not gone to one that could not be asked. What the journal
// has through that one stays, and so does the binding when it is deleted.
func TestGoneByTheWordOfOthers(t *testing.T) {
	other := binding("other").claimed(1).through("other")
	for name, c := range map[string]struct {
		reason  string
		binding *bindingBuilder
		effects []string
		state   string
	}{
		"Journaled": {"The entry is not withdrawn.", binding("a").recovered(now.Add(-time.Hour)).through("acme", outOfReach), is{"Report"}, "Unknown/ConnectionNotReady"},
		"Deleted":   {"The claim is not given up.", binding("a").recovered(now.Add(-time.Hour)).deleting().through("acme", outOfReach), is{"Report"}, "Unknown/ConnectionNotReady"},
		"Asked":     {"What its own connection has proven counts.", binding("a").recovered(now.Add(-time.Hour)).deleting(), is{"Report", "Clear a"}, "unchanged, released"},
	} {
		t.Run(name, func(t *testing.T) {
			w := drive(t, situation(c.binding, other, presence(Gone)))
			differ(t, c.reason, "effects", c.effects, w.effects)
			differ(t, c.reason, "state", c.state, w.state("a"))
		})
	}
}

// What cannot be settled is not looked at over and over either where the credential is revoked while the first role is being given.
func TestCredentialRevokedDuringGrant(t *testing.T) {
	w := drive(t, situation(binding("a")), func(w *driver) {
		w.refuse = func([]astro.Role) error { return fmt.Errorf("POST: %w", astro.ErrUnauthorized) }
	})
	since, entry := w.progress.Situation.Now, w.journal
	s := w.next(11*time.Second, presence(Unseen))
	refusedCredential(&s.Bindings[0].Connection)
	s.Bindings[0].Recovered = since
	w = &driver{t: t, astro: w.astro, statements: map[types.UID]Statement{}, journal: entry}
	w.finish(Begin(s))
	if w.progress.Wake == soon {
		t.Errorf("%v: it is looked at ten times a second until somebody repairs the credential", w.states())
	}
}

// A claim that came to nothing keeps nobody from its place, whatever holds its binding back.
func TestExpiredSuspendedBlocks(t *testing.T) {
	ago := now.Add(-time.Hour)
	for name, a := range map[string]*bindingBuilder{
		"NotExpired": binding("a").role(owner).recovered(ago).suspended(),
		"Expired":    over("a").role(owner).recovered(ago).suspended(),
	} {
		t.Run(name, func(t *testing.T) {
			w := drive(t, situation(a, binding("b").claimed(2)))
			differ(t, "what came to nothing keeps nobody from the place", "role", member, w.on(w1))
		})
	}
}

// The time may end between the read in the slot and the answer to the write that gives the role.
func TestExpiresDuringPost(t *testing.T) {
	s := situation(binding("a").until(now.Add(time.Second)))
	w := &driver{t: t, astro: s.Token.Token, statements: map[types.UID]Statement{}, journal: map[types.UID]pin.Claim{}}
	p := Begin(s)
	for e := Next(p); e != nil; e = Next(p) {
		post, is := e.(Post)
		if !is {
			p = w.perform(p, e)
			continue
		}
		p = Sending(p, post)
		r := w.post(post)
		r.Now = now.Add(2 * time.Second) // as replace.go gives it
		p = After(p, e, r)
	}
	if w.on(w1) != "" && p.Wake == 0 && len(p.Errs) == 0 {
		t.Errorf("%v: the time is over, Astro holds %s, and nobody looks again", w.states(), w.on(w1))
	}
}

// A role does not stay with a binding whose credential was never seen to write the token, and cannot be asked to prove it because its
// connection observes.
func TestObservingKeepsUnproven(t *testing.T) {
	for _, mode := range []v1alpha1.Mode{v1alpha1.ModeEnforce, v1alpha1.ModeObserve} {
		t.Run(string(mode), func(t *testing.T) {
			set := spec(func(s *v1alpha1.ConnectionSpec) { s.Mode = mode })
			w := drive(t, situation(
				binding("a").adopted(1).in("tenant").through("acme", set),
				binding("b").claimed(2).deleting().through("other"), holds(w1, member)),
				func(w *driver) {
					w.refuse = func([]astro.Role) error { // acme's credential may not write, which only a write shows
						if w.posts[len(w.posts)-1].Through == connection("acme").ID {
							return errForbidden
						}
						return nil
					}
				})
			if st := w.statements["uid-b"]; st.Release && w.on(w1) != "" {
				t.Errorf("%v: b was let go, and its role stays with a binding whose credential could never have given it", w.states())
			}
		})
	}
}

// A warning tells nothing of a token that the binding's connection does not show.
func TestHiddenTokenWarns(t *testing.T) {
	end := now.Add(24 * time.Hour)
	w := drive(t, situation(binding("a"), token(func(o *Observation) {
		o.HiddenFrom, o.Token.EndAt = map[string]bool{connection("acme").ID: true}, &end
	})))
	for _, c := range w.status("a").Conditions {
		if c.Type == v1alpha1.ConditionWarning {
			t.Errorf("%v and yet: %s", w.states(), c.Message)
		}
	}
}

// A binding that has expired, whose connection observes, and whose role another binding would keep, does not say that it holds it.
func TestExpiredWithheldUntrue(t *testing.T) {
	w := drive(t, situation(over("a").claimed(1).observed(), binding("b").observed(), holds(w1, owner)))
	if got := w.states()["a"]; got == "True/Granted Held Created, kept" {
		t.Errorf("Astro holds %s, and the time is over, and yet: %s, %s", w.on(w1), got, w.message("a"))
	}
}

// What an expired binding says does not hang on whether the rules can refuse it without a look.
func TestExpiredThenRefused(t *testing.T) {
	w := drive(t, situation(over("a").claimed(1).through("acme", nobodyMay), holds(w1, member)))
	first := w.states()["a"]
	p, _ := BeginUnresolved(w.next(time.Minute)) // keyOf: {Connection, Refused}, once the claim is released
	then := &driver{t: t, astro: w.astro, statements: map[types.UID]Statement{}, journal: map[types.UID]pin.Claim{}}
	then.finish(p)
	if got := then.states()["a"]; got != "True/Expired Released " {
		t.Errorf("first %q, then %q", first, got)
	}
}

// An expired binding that holds nothing is not told to bind a new token.
func TestExpiredWarns(t *testing.T) {
	end := now.Add(24 * time.Hour)
	w := drive(t, situation(over("a"), token(func(o *Observation) { o.Token.EndAt = &end })))
	for _, c := range w.status("a").Conditions {
		if c.Type == v1alpha1.ConditionWarning {
			t.Errorf("%v and yet: %s", w.states(), c.Message)
		}
	}
}

// Who waits for the revocation limit goes on saying so in an outage: if nobody did, the pause would be taken to be over.
func TestLimitedInAnOutage(t *testing.T) {
	limits := func(w *driver) { w.limit = limitedTo(w1) }
	for name, b := range map[string]*bindingBuilder{
		"Withdrawn": binding("a").claimed(1).through("acme", limited, onlyRole("other"), withdrawing),
		"Expired":   over("a").claimed(1).through("acme", limited),
	} {
		t.Run(name, func(t *testing.T) {
			w := drive(t, situation(b, holds(w1, member)), limits)
			differ(t, "It waits.", "states", map[string]string{"a": "False/RevocationLimited Held Created"}, w.states())
			unreachable := w.next(5 * time.Second)
			c := &unreachable.Bindings[0].Connection
			c.Ready, c.Callable, c.Reason = false, false, "Unreachable"
			differ(t, "The connection cannot be used.", "states", map[string]string{"a": "unchanged"}, drive(t, unreachable).states())
			lost := drive(t, w.next(5*time.Second), func(w *driver) { w.read = func(int) error { return errLost } })
			differ(t, "Astro does not answer.", "states", map[string]string{"a": "unchanged"}, lost.states())
		})
	}
}

func limitedTo(t roleset.Target) map[roleset.Target]bool { return map[roleset.Target]bool{t: true} }

// What is asked for while the token waits for its write slot is done, and not only said to be.
func TestRequestedInTheSlot(t *testing.T) {
	contended := func(m Memory) Memory {
		b := binding("a").claimed(1).b
		for i := range 3 {
			m = m.restored(now.Add(-time.Duration(i)*time.Minute), &b)
		}
		return m
	}
	w := drive(t, situation(binding("a").claimed(1), binding("b").on(w2), holds(w1, owner), remembered(contended)), func(w *driver) {
		w.look = func(s Situation) []Binding {
			return []Binding{binding("a").claimed(1).annotated(v1alpha1.AnnotationRequestedAt, "x").b, s.Bindings[1]}
		}
	})
	differ(t, "The user asks for another try.", "role", member, w.on(w1))
	differ(t, "And is told of it.", "handled", "x", w.status("a").LastHandledReconcileAt)
}

// A process may end between the status that gives a claim up and the finalizer.
func TestFinalizerThatWasLeft(t *testing.T) {
	w := drive(t, situation(over("a").claimed(1), holds(w1, member)))
	s := w.next(time.Second)
	controllerutil.AddFinalizer(s.Bindings[0].Object, v1alpha1.FinalizerRevoke)
	w = drive(t, s)
	differ(t, "It goes with the next look.", "states", map[string]string{"a": "True/Expired Released , released"}, w.states())

	foreign := binding("a").observing().finalized().seen()
	differ(t, "A finalizer beside which no claim was given up is somebody else's matter.", "states",
		map[string]string{"a": "True/InSync"}, drive(t, situation(foreign, holds(w1, member))).states())
}

// The answer to a write is lost, and meanwhile the binding has expired: Astro may hold the role.
func TestExpiredWhileItWasGiven(t *testing.T) {
	w := &driver{t: t, astro: situation(binding("a")).Token.Token, statements: map[types.UID]Statement{}, journal: map[types.UID]pin.Claim{}}
	p := Begin(situation(binding("a").until(now.Add(time.Second))))
	for e := Next(p); e != nil; e = Next(p) {
		if post, is := e.(Post); is {
			p = After(Sending(p, post), e, Replaced{Err: errLost, Now: now.Add(2 * time.Second)})
			continue
		}
		w.words(p, e)
		p = After(p, e, w.result(p, e))
	}
	w.progress = p
	differ(t, "It does not say that it has given the role up.", "states", map[string]string{"a": "False/Revoking"}, w.states())
}

// The operator lets a binding go, and somebody else's finalizer keeps the object.
func TestBindingsThatOthersKeep(t *testing.T) {
	for name, policy := range map[string]v1alpha1.DeletionPolicy{"Revoked": v1alpha1.DeletionRevoke, "Retained": v1alpha1.DeletionRetain} {
		t.Run(name, func(t *testing.T) {
			kept := binding("a").claimed(1).deleting().edit(func(b *v1alpha1.ScopedTokenBinding) {
				b.Spec.DeletionPolicy = policy
				controllerutil.AddFinalizer(b, "example.com/theirs")
			})
			w := drive(t, situation(kept, holds(w1, member)))
			if st := w.status("a"); st.Claim == nil || st.Claim.State != v1alpha1.ClaimReleased {
				t.Fatalf("the object stays and goes on claiming: %v", w.states())
			}
			denied := drive(t, situation(kept, holds(w1, member)), deniesRelease)
			if st := denied.status("a"); st.Claim == nil || st.Claim.State != v1alpha1.ClaimReleased {
				t.Errorf("whose finalizer Kubernetes does not let go claims again: %v", denied.states())
			}
			controllerutil.RemoveFinalizer(kept.b.Object, v1alpha1.FinalizerRevoke)
			kept.b.Object.Status, kept.b.Claim = w.status("a"), nil
			w = drive(t, situation(kept, holds(w1, owner)))
			differ(t, "What somebody gives in its place later is not its business.", "role", owner, w.on(w1))
			differ(t, "Nothing more is to be said.", "states", map[string]string{"a": "unchanged"}, w.states())
		})
	}
	stripped := binding("a").claimed(1).deleting().edit(func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers = []string{"example.com/theirs"} })
	w := drive(t, situation(stripped, holds(w1, member)))
	differ(t, "Where somebody has stripped the operator's finalizer, the role is still to go.", "role", "", w.on(w1))
}
