package decision

import (
	"slices"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

func TestSplittingARefusedSet(t *testing.T) {
	sequences{
		"OneBadOfFour": {
			reason: "A refused set is tried in halves, each from a read of its own, and the culprit is named.",
			parts:  of(binding("a"), binding("b").on(w2), binding("c").on(d1), binding("d").on(d2).role("bad")),
			drive:  refuses(errInvalid, "bad"),
			effects: is{
				"AddFinalizers a b c d", "WriteJournal a b c d",
				"ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER, w2: add WORKSPACE_MEMBER, d1: add DEPLOYMENT_ADMIN, d2: add bad",
				"ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER, w2: add WORKSPACE_MEMBER",
				"ReadForWrite acme", "Post acme d1: add DEPLOYMENT_ADMIN, d2: add bad",
				"ReadForWrite acme", "Post acme d1: add DEPLOYMENT_ADMIN",
				"ReadForWrite acme", "Post acme d2: add bad",
				"Diagnose d2: add bad", "Withdraw d", "Report", "Clear a b c",
			},
			states: so{
				"a": "True/Granted Held Created, changed", "b": "True/Granted Held Created, changed",
				"c": "True/Granted Held Created, changed", "d": "False/RefusedByAstro",
			},
		},
		"W4": {
			reason: "A role that appears while a set is halved is not taken over by a binding that may not: the parts' results are all kept.",
			parts:  of(binding("bad").on(d1).role("bad"), binding("never").adopt(v1alpha1.AdoptNever), readByID),
			drive: func(w *driver) {
				w.refuse = func(set []astro.Role) error {
					if slices.ContainsFunc(set, func(r astro.Role) bool { return r.Role == "bad" }) {
						w.astro.Roles = append(slices.Clone(w.astro.Roles[:1]), astro.NewRole(w1.Kind, w1.ID, owner))
						return errInvalid
					}
					return nil
				}
			},
			effects: is{
				"AddFinalizers bad never", "WriteJournal bad never",
				"ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER, d1: add bad",
				"ReadForWrite acme", "Post acme d1: add bad", "Diagnose d1: add bad, dangling",
				"Withdraw bad never", "Report",
			},
			states: so{"bad": "False/RefusedByAstro", "never": "False/ExistingRole"}, holds: at{w1: owner},
		},
		"AllForbidden": {
			reason: "Each change is tried by itself before it is said to be forbidden.",
			parts:  of(binding("a"), binding("b").on(w2), binding("c").on(d1), binding("d").on(d2)),
			drive:  refuses(errForbidden, member, admin),
			effects: is{
				"AddFinalizers a b c d", "WriteJournal a b c d",
				"ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER, w2: add WORKSPACE_MEMBER, d1: add DEPLOYMENT_ADMIN, d2: add DEPLOYMENT_ADMIN",
				"ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER, w2: add WORKSPACE_MEMBER",
				"ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER", "ReadForWrite acme", "Post acme w2: add WORKSPACE_MEMBER",
				"ReadForWrite acme", "Post acme d1: add DEPLOYMENT_ADMIN, d2: add DEPLOYMENT_ADMIN",
				"ReadForWrite acme", "Post acme d1: add DEPLOYMENT_ADMIN", "ReadForWrite acme", "Post acme d2: add DEPLOYMENT_ADMIN",
				"Withdraw a b c d", "Report",
			},
		},
		"W7": {
			reason: "Changes that Astro forbids do not keep back one that it allows, however many they are.",
			parts:  of(binding("a"), binding("b").on(w2), binding("c").on(roleset.Target{Kind: w1.Kind, ID: "w3"}), binding("d").on(d1)),
			drive:  refuses(errForbidden, member),
			effects: is{
				"AddFinalizers a b c d", "WriteJournal a b c d",
				"ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER, w2: add WORKSPACE_MEMBER, w3: add WORKSPACE_MEMBER, d1: add DEPLOYMENT_ADMIN",
				"ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER, w2: add WORKSPACE_MEMBER",
				"ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER", "ReadForWrite acme", "Post acme w2: add WORKSPACE_MEMBER",
				"ReadForWrite acme", "Post acme w3: add WORKSPACE_MEMBER, d1: add DEPLOYMENT_ADMIN",
				"ReadForWrite acme", "Post acme w3: add WORKSPACE_MEMBER", "ReadForWrite acme", "Post acme d1: add DEPLOYMENT_ADMIN",
				"Withdraw a b c", "Report", "Clear d",
			},
			states: so{
				"a": "False/PermissionDenied", "b": "False/PermissionDenied", "c": "False/PermissionDenied",
				"d": "True/Granted Held Created, changed",
			},
		},
		"RefusedBeforeGoesLast": {
			reason: "What Astro refused before is tried by itself once it has rested, after the others.",
			parts: of(binding("a").role("bad"), binding("b").on(w2), remembered(func(m Memory) Memory {
				b := binding("a").role("bad").b
				return m.refused(&b, w1, "bad", Refusal{At: now.Add(-time.Hour), Invalid: true})
			})),
			drive: refuses(errInvalid, "bad"),
			effects: is{
				"AddFinalizers a b", "WriteJournal b", "ReadForWrite acme", "Post acme w2: add WORKSPACE_MEMBER",
				"WriteJournal a", "ReadForWrite acme", "Post acme w1: add bad", "Diagnose w1: add bad", "Withdraw a", "Report", "Clear b",
			},
		},
		"OneByOneThroughEachConnection": {
			reason: "Changes are made with the credential of the binding that wants them.",
			parts:  of(binding("a"), binding("b").on(w2).through("other")),
			effects: is{
				"AddFinalizers a b", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER",
				"WriteJournal b", "ReadForWrite other", "Post other w2: add WORKSPACE_MEMBER", "Report", "Clear a b",
			},
		},
		"LostInOnePart": {
			reason: "A connection whose answer was lost is not tried again; another goes on.",
			parts:  of(binding("a"), binding("b").on(w2).through("other")),
			drive: func(w *driver) {
				w.answer = func(n int) error {
					if n == 1 {
						return errLost
					}
					return nil
				}
			},
			effects: is{
				"AddFinalizers a b", "WriteJournal a", "ReadForWrite acme", "Post acme w1: add WORKSPACE_MEMBER",
				"WriteJournal b", "ReadForWrite other", "Post other w2: add WORKSPACE_MEMBER", "Report", "Clear b",
			},
			states: so{"a": "Unknown/Unreachable", "b": "True/Granted Held Created, changed"}, also: journalHolds(1),
		},
	}.check(t)
}
