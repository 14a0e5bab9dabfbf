package decision

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/audit"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
)

// unrestored is the status of a binding that is known to be without its role, which Astro did not let the operator restore.
func unrestored(b *v1alpha1.ScopedTokenBinding) {
	b.Status.Role = ""
	for i := range b.Status.Conditions {
		if c := &b.Status.Conditions[i]; c.Type == v1alpha1.ConditionSynced || c.Type == v1alpha1.ConditionReady {
			c.Status, c.Reason = metav1.ConditionUnknown, v1alpha1.ReasonUnreachable
		}
	}
}

func TestAuditOfWrites(t *testing.T) {
	drop := spec(func(s *v1alpha1.ConnectionSpec) { s.DanglingRoles = v1alpha1.DanglingDrop })
	dead := astro.NewRole(d3.Kind, d3.ID, "dead")
	unanswered := func(w *driver) { w.answer = func(int) error { return errLost } }
	cases := map[string]struct {
		reason string
		parts  []part
		drive  func(*driver)
		want   []string
	}{
		"Granted":         {"A role that was not there before.", of(binding("a")), nil, is{"w1: none to WORKSPACE_MEMBER, granted, confirmed for a"}},
		"TakenOver":       {"What was there is part of the line.", of(binding("a"), holds(w1, owner)), nil, is{"w1: WORKSPACE_OWNER to WORKSPACE_MEMBER, granted, confirmed for a"}},
		"Undeclared":      {"Nobody's role, and the inventory for which it goes.", of(removal(w1, member), holds(w1, member)), nil, is{"w1: WORKSPACE_MEMBER to none, undeclared, confirmed for inventory inventory"}},
		"Together":        {"All who want it are named, once.", of(binding("a"), binding("b")), nil, is{"w1: none to WORKSPACE_MEMBER, granted, confirmed for a b"}},
		"Edited":          {"The spec says another role than before.", of(binding("a").claimed(1).role(owner).edited(), holds(w1, member)), nil, is{"w1: WORKSPACE_MEMBER to WORKSPACE_OWNER, roleEdited, confirmed for a"}},
		"Drift":           {"Somebody else has changed it.", of(binding("a").claimed(1), holds(w1, owner)), nil, is{"w1: WORKSPACE_OWNER to WORKSPACE_MEMBER, drift, confirmed for a"}},
		"DriftAway":       {"Or has taken it away.", of(binding("a").claimed(1)), nil, is{"w1: none to WORKSPACE_MEMBER, drift, confirmed for a"}},
		"DriftUnrestored": {"It could not be restored at first, of which the status tells.", of(binding("a").claimed(1).edit(unrestored)), nil, is{"w1: none to WORKSPACE_MEMBER, drift, confirmed for a"}},
		"NeverGiven":      {"What the claim was never seen to give is no drift.", of(binding("a").claimed(1).edit(unrestored).edit(func(b *v1alpha1.ScopedTokenBinding) { b.Status.Claim.GrantedRole = "" })), nil, is{"w1: none to WORKSPACE_MEMBER, granted, confirmed for a"}},
		"DriftOfTwo":      {"A new binding of the same role is named, and is not the cause.", of(binding("a").claimed(1), binding("b")), nil, is{"w1: none to WORKSPACE_MEMBER, drift, confirmed for a b"}},
		"Deleted":         {"The binding is deleted.", of(binding("a").claimed(1).deleting(), holds(w1, member)), nil, is{"w1: WORKSPACE_MEMBER to none, deleted, confirmed for a"}},
		"Orphan":          {"It is gone already.", of(binding("a").claimed(1).orphan(), holds(w1, member)), nil, is{"w1: WORKSPACE_MEMBER to none, orphan, confirmed for a"}},
		"Withdrawn":       {"The rules forbid it now.", of(binding("a").claimed(1).through("acme", onlyRole("other"), withdrawing), holds(w1, member)), nil, is{"w1: WORKSPACE_MEMBER to none, withdrawn, confirmed for a"}},
		"PromotedHeld":    {"Another binding's role comes to its right when the first goes.", of(binding("a").claimed(1).deleting(), binding("b").role(owner).claimed(2), holds(w1, member)), nil, is{"w1: WORKSPACE_MEMBER to WORKSPACE_OWNER, deleted, confirmed for b a"}},
		"Promoted":        {"Or is given for the first time then.", of(binding("a").claimed(1).deleting(), binding("b").role(owner), holds(w1, member)), nil, is{"w1: WORKSPACE_MEMBER to WORKSPACE_OWNER, granted, confirmed for b a"}},
		"Recovered":       {"A claim that only the journal knows was never given.", of(binding("a").recovered(onDay(1))), nil, is{"w1: none to WORKSPACE_MEMBER, granted, confirmed for a"}},
		"NotShown": {"Astro has taken it and does not show it.", of(binding("a")), func(w *driver) {
			w.update = func(u astro.Update) astro.Update { u.Confirmed = false; return u }
		}, is{"w1: none to WORKSPACE_MEMBER, granted, written for a"}},
		"Accessor": {"Astro may put a role of its own in the place of one that was taken out.", of(binding("a").claimed(1).deleting(), holds(w1, member)), func(w *driver) {
			w.update = func(u astro.Update) astro.Update { u.Accessors = []astro.RoleKey{w1.Key()}; return u }
		}, is{"w1: WORKSPACE_MEMBER to WORKSPACE_ACCESSOR, deleted, confirmed for a"}},
		"Unanswered": {"Nobody knows.", of(binding("a")), unanswered, is{"w1: none to WORKSPACE_MEMBER, granted, unknown for a"}},
		"Throttled":  {"What Astro did not look at is not told.", of(binding("a")), func(w *driver) { w.refuse = func([]astro.Role) error { return errThrottled } }, nil},
		"Refused":    {"What it refuses is.", of(binding("a")), refuses(errForbidden, member), is{"w1: none to WORKSPACE_MEMBER, granted, refused for a"}},
		"RefusedInPart": {"Of a set that is tried in parts, each change is told once.", of(binding("a"), binding("b").on(w2).role(owner), binding("c").on(d1)), refuses(errInvalid, owner), is{
			"w1: none to WORKSPACE_MEMBER, granted, confirmed for a", "w2: none to WORKSPACE_OWNER, granted, refused for b",
			"d1: none to DEPLOYMENT_ADMIN, granted, confirmed for c",
		}},
		"Dangling": {"A role that is dropped has a line, and is told with those for whose sake it is.", of(binding("a").through("acme", drop), holds(d3, "dead")), func(w *driver) {
			refuses(errInvalid, "dead")(w)
			w.finding = Findings{Dead: []astro.Role{dead}}
		}, is{
			"w1: none to WORKSPACE_MEMBER, granted, refused for a",
			"w1: none to WORKSPACE_MEMBER, granted, confirmed for a", "d3: dead to none, dangling, confirmed for a",
		}},
		"DanglingAgain": {
			"What the operator left out itself and gives again is no drift.", of(binding("a"), binding("dead").on(d3).role("dead").claimed(1), holds(d3, "dead")),
			func(w *driver) {
				w.refuse = func([]astro.Role) error { // the list of roles has left one out, and Astro is well again
					if len(w.posts) == 1 {
						return errInvalid
					}
					return nil
				}
				w.finding = Findings{Lapsed: []astro.Role{dead}}
			},
			is{
				"w1: none to WORKSPACE_MEMBER, granted, refused for a",
				"w1: none to WORKSPACE_MEMBER, granted, confirmed for a", "d3: dead to none, dangling, confirmed for dead",
				"d3: none to dead, granted, confirmed for dead",
			},
		},
		"Challenge": {"A write that changes nothing has none.", of(binding("a").claimed(1), binding("b").role(owner).through("other").claimed(2), holds(w1, member)), nil, nil},
		"InSync":    {"Nor has what stays as it is.", of(binding("a").claimed(1), holds(w1, member)), nil, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var edits []func(*driver)
			if c.drive != nil {
				edits = append(edits, c.drive)
			}
			w := drive(t, situation(c.parts...), edits...)
			differ(t, c.reason, "audit", c.want, w.audit)
		})
	}
}

func TestAuditOfRolesThatStay(t *testing.T) {
	retained := func(b *v1alpha1.ScopedTokenBinding) { b.Spec.DeletionPolicy = v1alpha1.DeletionRetain }
	cases := map[string]struct {
		reason string
		parts  []part
		want   []string
	}{
		"Retain":         {"The user wants the role to stay.", of(binding("a").claimed(1).deleting().edit(retained), holds(w1, member)), is{"w1: WORKSPACE_MEMBER, retain, released for a"}},
		"Release":        {"Or says so in the end.", of(binding("a").claimed(1).deleting().annotated(v1alpha1.AnnotationRelease, "true"), holds(w1, member)), is{"w1: WORKSPACE_MEMBER, release, released for a"}},
		"ReleaseUnseen":  {"Nobody need be able to look.", of(binding("a").claimed(1).deleting().annotated(v1alpha1.AnnotationRelease, "true"), presence(Unseen)), is{"w1: WORKSPACE_MEMBER, release, released for a"}},
		"ReleaseGone":    {"With the token the role is gone.", of(binding("a").claimed(1).deleting().annotated(v1alpha1.AnnotationRelease, "true"), presence(Gone)), nil},
		"ReleaseNothing": {"Nothing stays where nothing is.", of(binding("a").claimed(1).deleting().edit(retained)), nil},
		"RetainCovered":  {"Another binding covers it.", of(binding("a").claimed(1).deleting().edit(retained), binding("b").claimed(2), holds(w1, member)), is{"w1: WORKSPACE_MEMBER, retain, retained for a b"}},
		"DeletedCovered": {"The same where the role was to go.", of(binding("a").claimed(1).deleting(), binding("b").claimed(2), holds(w1, member)), is{"w1: WORKSPACE_MEMBER, deleted, retained for a b"}},
		"OrphanCovered":  {"The same of one that is gone.", of(binding("a").claimed(1).orphan(), binding("b").claimed(2), holds(w1, member)), is{"w1: WORKSPACE_MEMBER, orphan, retained for a b"}},
		"WithdrawnCovered": {
			"The same of one that the rules forbid.",
			of(binding("a").claimed(1).through("acme", onlyRole("other"), withdrawing), binding("b").through("other").claimed(2), holds(w1, member)),
			is{"w1: WORKSPACE_MEMBER, withdrawn, retained for a b"},
		},
		"Observe":        {"It only looks from now on.", of(binding("a").claimed(1).observing().edited(), holds(w1, member)), is{"w1: WORKSPACE_MEMBER, observe, released for a"}},
		"ObserveDeleted": {"What only looked held nothing.", of(binding("a").seen().observing().finalized().deleting(), holds(w1, member)), nil},
		"Adopted":        {"A role that was there is claimed.", of(binding("a"), holds(w1, member)), is{"w1: WORKSPACE_MEMBER, adopted, retained for a"}},
		"AdoptedByTwo":   {"It is told once.", of(binding("a"), binding("b"), holds(w1, member)), is{"w1: WORKSPACE_MEMBER, adopted, retained for a b"}},
		"Joined":         {"A claim beside another one is no news.", of(binding("a").adopted(1), binding("b"), holds(w1, member)), nil},
		"Suspended":      {"A claim on hold is none.", of(binding("a").claimed(1).suspended().edited(), holds(w1, member)), nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := drive(t, situation(c.parts...))
			differ(t, c.reason, "audit", c.want, w.audit)
		})
	}
}

// TestAuditEntry: all that is known is in it, and nothing of Astro's is longer than a name.
func TestAuditEntry(t *testing.T) {
	parts := of(binding("a").in("team").on(d1).through("acme", func(c *Connection) {
		c.Object.ConnectionStatus().OrganizationName = "Acme"
	}), token(func(o *Observation) { o.Token.Name, o.Token.UpdatedBy = strings.Repeat("é", 400), "Ada" }))
	var got audit.Entry
	s := situation(parts...)
	p := Begin(s)
	for e := Next(p); e != nil; e = Next(p) {
		w := &driver{t: t, astro: s.Token.Token, statements: map[types.UID]Statement{}, journal: map[types.UID]pin.Claim{}}
		if post, is := e.(Post); is {
			got = Sending(p, post).Audit(post, astro.Attempt{RequestID: "r1", Confirmed: true})[0]
			break
		}
		p = After(p, e, w.result(p, e))
	}
	want := audit.Entry{
		Connection:   audit.Connection{Kind: "ClusterAstroConnection", Name: "acme"},
		Organization: audit.Named{ID: org, Name: "Acme"},
		Token:        audit.Named{ID: token1, Name: strings.Repeat("é", 128) + "…"},
		Target:       audit.Target{Kind: "Deployment", ID: "d1", Name: "name of d1"},
		To:           admin, Cause: audit.Granted, Outcome: audit.Confirmed,
		Bindings:  []audit.Binding{{Namespace: "team", Name: "a", UID: "uid-a"}},
		UpdatedBy: "Ada", RequestID: "r1",
	}
	differ(t, "a line says all that the operator knows", "entry", fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got))
}
