package decision

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

func TestWhatTheFreshReadChanges(t *testing.T) {
	appears := func(role string) func(*driver) {
		return func(w *driver) {
			w.read = func(int) error {
				w.astro.Roles = append(slices.Clone(w.astro.Roles[:1]), astro.NewRole(w1.Kind, w1.ID, role))
				return nil
			}
		}
	}
	sequences{
		"OriginChanged": {
			reason: "A role that appeared since the listing is adopted, and the journal says so before it is changed.",
			parts:  of(binding("a")), drive: appears(owner),
			effects: is{
				"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "WriteJournal a", "ReadForWrite acme",
				"Post acme w1: change WORKSPACE_OWNER to WORKSPACE_MEMBER", "Report", "Clear a",
			},
			states: so{"a": "True/Adopted Held Adopted, changed"},
		},
		"RoleAppeared": {
			reason: "The declared role that appeared is adopted, not given; nothing was sent, so the journal lets go of it.",
			parts:  of(binding("a")), drive: appears(member),
			effects: is{"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Withdraw a", "Report"},
			states:  so{"a": "True/Adopted Held Adopted"}, also: journalHolds(0),
		},
		"MayNotAdoptWhatAppeared": {
			reason: "What may not adopt does not take what appeared while it waited.",
			parts:  of(binding("a").adopt(v1alpha1.AdoptNever), readByID), drive: appears(owner),
			effects: is{"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Withdraw a", "Report"},
			states:  so{"a": "False/ExistingRole"}, holds: at{w1: owner},
		},
		"CredentialReplacedMeanwhile": {
			reason: "With a credential that is not the connection's any more nothing is written.",
			parts:  of(binding("a").claimed(1), binding("b").on(w2)),
			drive: func(w *driver) {
				w.through = "credential of acme"
				w.look = func(s Situation) []Binding {
					all := slices.Clone(s.Bindings)
					for i := range all {
						all[i].Connection.Credential = "new"
					}
					return all
				}
			},
			effects: is{"AddFinalizers b", "WriteJournal b", "ReadForWrite acme", "Withdraw b", "Report"},
			states:  so{"a": "unchanged", "b": "unchanged"}, also: looksAgain(soon),
		},
		"DeletedMeanwhile": {
			reason: "After the wait everything is decided anew: nothing is given to a binding that is being deleted by then.",
			parts:  of(binding("a")),
			drive: func(w *driver) {
				w.look = func(_ Situation) []Binding { return []Binding{binding("a").finalized().deleting().b} }
			},
			effects: is{"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Withdraw a", "Report"},
			states:  so{"a": "unchanged, released"}, holds: at{w1: ""},
		},
		"VanishedMeanwhile": {
			reason:  "Nothing was sent for a binding that is gone by then: the journal lets go of it, so that no role is ever taken for its.",
			parts:   of(binding("a"), binding("b").on(w2)),
			drive:   func(w *driver) { w.look = func(s Situation) []Binding { return slices.Clone(s.Bindings[1:2]) } },
			effects: is{"AddFinalizers a b", "WriteJournal a b", "ReadForWrite acme", "Post acme w2: add WORKSPACE_MEMBER", "Withdraw a", "Report", "Clear b"},
			holds:   at{w1: "", w2: member}, also: journalHolds(0),
		},
		"VanishedAfterItsWrite": {
			reason: "A write without an answer may have given the role: the journal keeps it, so that it is revoked.",
			parts:  of(binding("a"), binding("b").on(w2).through("other")),
			drive: func(w *driver) {
				w.answer = func(n int) error { return []error{errLost, nil}[n-1] }
				w.look = func(s Situation) []Binding { return slices.Clone(s.Bindings[min(len(w.posts), len(s.Bindings)-1):]) }
			},
			effects: is{
				"AddFinalizers a b", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER",
				"WriteJournal b", "ReadForWrite other", "Post other w2: add WORKSPACE_MEMBER", "Report", "Clear b",
			},
			holds: at{w1: member, w2: member}, also: journalHolds(1),
		},
		"JoinedMeanwhile": {
			reason: "A binding that came while the slot was waited for has to be in the journal first, and is given its role by the next write.",
			parts:  of(binding("a")),
			drive: func(w *driver) {
				w.look = func(s Situation) []Binding {
					return append(slices.Clone(s.Bindings[:1]), binding("b").on(w2).finalized().b)
				}
			},
			effects: is{
				"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER",
				"WriteJournal b", "ReadForWrite acme", "Post acme w2: add WORKSPACE_MEMBER", "Report", "Clear a b",
			},
			holds: at{w1: member, w2: member},
		},
		"SwitchedToObserve": {
			reason: "Nothing is given through a connection that observes by then, and the journal lets go of the claim.",
			parts:  of(binding("a"), binding("b").on(w2).through("other")),
			drive: func(w *driver) {
				w.check = func(p Progress) TokenRead {
					all := slices.Clone(p.Situation.Bindings)
					for _, i := range p.ActsFor() {
						if all[i].Object.Name == "a" {
							all[i].Connection = connection("acme")
							observes(&all[i].Connection)
						}
					}
					return TokenRead{Token: w.astro, Bindings: all}
				}
			},
			effects: is{
				"AddFinalizers a b", "WriteJournal a", "ReadForWrite acme", "WriteJournal b", "ReadForWrite other",
				"Post other w2: add WORKSPACE_MEMBER", "Withdraw a", "Report", "Clear b",
			},
			states: so{"a": "True/WouldChange", "b": "True/Granted Held Created, changed"}, holds: at{w1: "", w2: member},
		},
		"NotToBeChecked": {
			reason: "Without a word of Kubernetes about the connection nothing is written, and its refusal is told.",
			parts:  of(binding("a")), drive: func(w *driver) { w.check = func(Progress) TokenRead { return TokenRead{Unchecked: errDenied} } },
			effects: is{"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Withdraw a", "Report"},
			states:  so{"a": "False/KubernetesRefused"}, holds: at{w1: ""},
			also: func(t *testing.T, w *driver) {
				if len(w.progress.Errs) == 0 {
					t.Error("nobody tries again")
				}
			},
		},
		"RetainedMeanwhile": {
			reason: "What becomes of the role when the binding goes is in the journal as it is now: the object may be gone when it is read.",
			parts:  of(binding("a").edit(func(o *v1alpha1.ScopedTokenBinding) { o.Spec.DeletionPolicy = v1alpha1.DeletionRetain })),
			drive:  func(w *driver) { w.look = func(Situation) []Binding { return []Binding{binding("a").finalized().b} } },
			effects: is{
				"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "WriteJournal a", "ReadForWrite acme",
				"Post acme w1: add WORKSPACE_MEMBER", "Report", "Clear a",
			},
			holds: at{w1: member},
		},
		"EditedMeanwhile": {
			reason: "A role that was edited while the slot was waited for goes into the same write.",
			parts:  of(binding("a").claimed(1), binding("b").on(w2).claimed(1), holds(w2, member)),
			drive: func(w *driver) {
				w.look = func(s Situation) []Binding {
					return append(slices.Clone(s.Bindings[:1]), binding("b").on(w2).claimed(1).role(owner).b)
				}
			},
			effects: is{
				"ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER, w2: change WORKSPACE_MEMBER to WORKSPACE_OWNER", "Report",
			},
			holds: at{w1: member, w2: owner},
		},
		"EditedAndStrippedMeanwhile": {
			reason: "A binding that was edited and lost its finalizer is in the journal with the role that is written: it may go before its status tells.",
			parts:  of(binding("a")),
			drive: func(w *driver) {
				w.look = func(Situation) []Binding {
					b := binding("a").role(owner)
					if w.reads > 1 {
						b = b.finalized()
					}
					return []Binding{b.b}
				}
			},
			effects: is{
				"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "AddFinalizers a", "WriteJournal a", "ReadForWrite acme",
				"Post acme w1: add WORKSPACE_OWNER", "Report", "Clear a",
			},
			holds: at{w1: owner},
		},
		"LeftMeanwhile": {
			reason: "A role that is to be revoked since then does, too, if the limit lets it.",
			parts:  of(binding("a").claimed(1), binding("b").on(w2).claimed(1), holds(w2, member)),
			drive: func(w *driver) {
				w.look = func(s Situation) []Binding {
					return append(slices.Clone(s.Bindings[:1]), binding("b").on(w2).claimed(1).deleting().b)
				}
			},
			effects: is{
				"ReadForWrite acme", "MayRevoke acme w2", "Post acme w1: add WORKSPACE_MEMBER, w2: remove WORKSPACE_MEMBER", "Report", "Report",
			},
			holds: at{w1: member, w2: ""},
		},
		"EditedThroughAnotherCredential": {
			reason: "With another credential it is another write.",
			parts:  of(binding("a").claimed(1), binding("b").on(w2).claimed(1).through("other"), holds(w2, member)),
			drive: func(w *driver) {
				w.look = func(s Situation) []Binding {
					return append(slices.Clone(s.Bindings[:1]), binding("b").on(w2).claimed(1).role(owner).through("other").b)
				}
			},
			effects: is{
				"ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER",
				"ReadForWrite other", "Post other w2: change WORKSPACE_MEMBER to WORKSPACE_OWNER", "Report",
			},
			holds: at{w1: member, w2: owner},
		},
		"RefusedBefore": {
			reason: "What Astro refused before is tried by itself, whatever was edited meanwhile.",
			parts: of(binding("a").claimed(1), binding("b").on(w2).claimed(1), holds(w2, member), remembered(func(m Memory) Memory {
				a := binding("a").b
				return m.refused(&a, w1, member, Refusal{At: now.Add(-time.Hour), Invalid: true})
			})),
			drive: func(w *driver) {
				w.look = func(s Situation) []Binding {
					return append(slices.Clone(s.Bindings[:1]), binding("b").on(w2).claimed(1).role(owner).b)
				}
			},
			effects: is{
				"ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER",
				"ReadForWrite acme", "Post acme w2: change WORKSPACE_MEMBER to WORKSPACE_OWNER", "Report",
			},
			holds: at{w1: member, w2: owner},
		},
		"CannotBeRead": {
			reason: "Without a read there is no write, and the journal lets go of what was not sent.",
			parts:  of(binding("a")), drive: func(w *driver) { w.read = func(int) error { return errThrottled } },
			effects: is{"AddFinalizers a", "WriteJournal a", "ReadForWrite acme", "Withdraw a", "Report"},
			states:  so{"a": "Unknown/RateLimited"}, also: looksAgain(time.Second),
		},
		"TokenVanished": {
			reason:  "The listing is behind: the next look asks for proof, and nothing is said until then.",
			parts:   of(binding("a").claimed(1)),
			drive:   func(w *driver) { w.read = func(int) error { return fmt.Errorf("GET: %w", astro.ErrNotFound) } },
			effects: is{"ReadForWrite acme", "Report"},
			states:  so{"a": "unchanged"},
		},
	}.check(t)
}
