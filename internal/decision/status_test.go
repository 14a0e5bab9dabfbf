package decision

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

func conditions(st v1alpha1.ScopedTokenBindingStatus) so {
	all := so{}
	for _, c := range st.Conditions {
		all[c.Type] = fmt.Sprintf("%s/%s", c.Status, c.Reason)
	}
	return all
}

func TestStatusOfAGrant(t *testing.T) {
	made := onDay(3)
	w := drive(t, situation(binding("a").on(d1).edited().named("ci"), holds(w1, member), token(func(o *Observation) {
		o.Token.Description, o.Token.CreatedBy, o.Token.CreatedAt = strings.Repeat("é", 400), "Ada", made.Add(time.Millisecond)
	})))
	created := metav1.NewTime(made)
	want := v1alpha1.ScopedTokenBindingStatus{
		ObservedGeneration: 2, OrganizationID: org, Role: admin, Origin: v1alpha1.OriginCreated, DeletionPolicy: v1alpha1.DeletionRevoke,
		Token: v1alpha1.BoundToken{
			ID: token1, Name: "ci", Description: strings.Repeat("é", 254) + "…", Scope: v1alpha1.ScopeOrganization, CreatedAt: &created, CreatedBy: "Ada",
		},
		Target: v1alpha1.BoundTarget{Kind: v1alpha1.TargetDeployment, ID: "d1", Name: "name of d1", WorkspaceID: "w1"},
		Claim:  &v1alpha1.Claim{UID: "uid-a", State: v1alpha1.ClaimHeld, ClaimedAt: metav1.NewMicroTime(now), Host: host, GrantedRole: admin},
	}
	for _, c := range [][3]string{
		{v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, "the connection's rules allow it, and no other binding stands against it"},
		{v1alpha1.ConditionResolved, v1alpha1.ReasonResolved, "token and target were found"},
		{v1alpha1.ConditionSynced, v1alpha1.ReasonGranted, `the token holds DEPLOYMENT_ADMIN on Deployment "d1"`},
		{v1alpha1.ConditionReady, v1alpha1.ReasonGranted, `the token holds DEPLOYMENT_ADMIN on Deployment "d1"`},
	} {
		want.Conditions = append(want.Conditions, metav1.Condition{
			Type: c[0], Status: metav1.ConditionTrue, Reason: c[1], Message: c[2], ObservedGeneration: 2, LastTransitionTime: metav1.NewTime(now),
		})
	}
	if diff := cmp.Diff(want, w.statements["uid-a"].Status); diff != "" {
		t.Errorf("everything that Astro says, and the claim\n-want +got\n%s", diff)
	}
}

func TestConditions(t *testing.T) {
	all := func(accepted, resolved, synced, ready string) so {
		return so{v1alpha1.ConditionAccepted: accepted, v1alpha1.ConditionResolved: resolved, v1alpha1.ConditionSynced: synced, v1alpha1.ConditionReady: ready}
	}
	stalled := func(s so, reason string) so {
		s[v1alpha1.ConditionStalled] = "True/" + reason
		return s
	}
	working := func(s so, reason string) so {
		s[v1alpha1.ConditionReconciling] = "True/" + reason
		return s
	}
	const yesA, yesR, pending = "True/Accepted", "True/Resolved", "Unknown/Pending"
	cases := map[string]struct {
		reason string
		parts  []part
		want   so
	}{
		"Suspended": {
			"What is asked before is answered.", of(binding("a").suspended()), stalled(all(yesA, yesR, "False/Suspended", "False/Suspended"), "Suspended"),
		},
		"Forbidden": {
			"What is asked after has to wait.", of(binding("a").through("acme", onlyRole(owner))),
			stalled(all("False/RoleNotAllowed", pending, pending, "False/RoleNotAllowed"), "RoleNotAllowed"),
		},
		"TargetNotFound": {
			"In the middle both.", of(binding("a").found()), stalled(all(yesA, "False/TargetNotFound", pending, "False/TargetNotFound"), "TargetNotFound"),
		},
		"CouldNotLook": {
			"Unknown is not False, and waits for nobody.", of(binding("a"), presence(Unseen)), working(all(yesA, "Unknown/Unreachable", pending, "Unknown/Unreachable"), "Unreachable"),
		},
		"WouldChange": {
			"Observe is Ready once it has looked.", of(binding("a").observing()), all(yesA, yesR, "False/WouldChange", "True/WouldChange"),
		},
		"InSync": {
			"Also where nothing would change.", of(binding("a").observing(), holds(w1, member)), all(yesA, yesR, "True/InSync", "True/InSync"),
		},
		"Conflict": {
			"The loser is told.", of(binding("a").role(owner), binding("b").claimed(1), holds(w1, member)),
			stalled(all("False/ConflictingBinding", pending, pending, "False/ConflictingBinding"), "ConflictingBinding"),
		},
		"OnHold": {
			"Who waits for a claim on hold is told.", of(binding("a"), binding("b").claimed(1).suspended()),
			stalled(all("False/ConflictingBinding", pending, pending, "False/ConflictingBinding"), "ConflictingBinding"),
		},
		"ExistingRole": {
			"What may not be taken over is told.", of(binding("a").adopt(v1alpha1.AdoptNever), holds(w1, member)),
			stalled(all("False/ExistingRole", pending, pending, "False/ExistingRole"), "ExistingRole"),
		},
		"Revoking": {
			"A revocation that waits is under way.", of(binding("a").claimed(1).deleting(), holds(w1, member), token(func(o *Observation) { o.Token.Roles = o.Token.Roles[:0] }), holds(w1, member)),
			stalled(all(yesA, yesR, "False/OwnScopeRoleProtected", "False/OwnScopeRoleProtected"), "OwnScopeRoleProtected"),
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := drive(t, situation(c.parts...))
			differ(t, c.reason, "conditions", c.want, conditions(w.statements["uid-a"].Status))
		})
	}
}

func TestWhatAStatusShows(t *testing.T) {
	type shown struct{ Organization, Token, Target, Role, Origin, Planned string }
	show := func(st v1alpha1.ScopedTokenBindingStatus) shown {
		return shown{st.OrganizationID, st.Token.ID, st.Target.ID, st.Role, string(st.Origin), st.PlannedChange}
	}
	copied := func(o *v1alpha1.ScopedTokenBinding) { o.Status.Claim.UID = "uid-of-another" }
	cases := map[string]struct {
		reason string
		parts  []part
		want   shown
	}{
		"Forbidden": {
			"Where the rules say no, nothing of Astro is shown.", of(binding("a").through("acme", onlyRole(owner)), holds(w1, member)), shown{},
		},
		"ForbiddenAndClaimed": {
			"What was known stays.", of(binding("a").claimed(1).through("acme", onlyRole(owner)), holds(w1, member)), shown{org, token1, "w1", member, "Created", ""},
		},
		"Withdrawn": {
			"What was taken away is not shown as held.", of(binding("a").claimed(1).through("acme", onlyRole(owner), withdrawing), holds(w1, member)), shown{org, token1, "w1", "", "", ""},
		},
		"Planned":        {"Observe says what would change.", of(binding("a").observing()), shown{org, token1, "w1", "", "", "add WORKSPACE_MEMBER"}},
		"PlannedUpdate":  {"Also of a role that is there.", of(binding("a").observing(), holds(w1, owner)), shown{org, token1, "w1", owner, "", "change WORKSPACE_OWNER to WORKSPACE_MEMBER"}},
		"PlannedNothing": {"Nothing in sync.", of(binding("a").observing(), holds(w1, member)), shown{org, token1, "w1", member, "", ""}},
		"PlannedLoser":   {"Nothing where another binding has the say.", of(binding("a").observing(), binding("b").role(owner).claimed(1), holds(w1, owner)), shown{org, token1, "w1", owner, "", ""}},
		"Suspended":      {"One on hold shows what Astro holds.", of(binding("a").claimed(1).suspended().edited(), holds(w1, owner)), shown{org, token1, "w1", owner, "Created", ""}},
		"Copied": {
			"The claim in a copied status is another object's.",
			of(binding("a").claimed(1).edit(copied).suspended().edited().but(func(b *Binding) { b.Claim = nil }), holds(w1, member)), shown{org, token1, "w1", member, "", ""},
		},
		"Unseen": {
			"What could not be looked at stays as it was.", of(binding("a").claimed(1).edited().through("acme", func(c *Connection) { c.Deleting = true }), presence(Absent)), shown{org, token1, "w1", member, "Created", ""},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			st := drive(t, situation(c.parts...)).statements["uid-a"]
			if !st.Write {
				t.Fatalf("%s\nnothing is written", c.reason)
			}
			differ(t, c.reason, "status", c.want, show(st.Status))
			if st.Status.Claim != nil && st.Status.Claim.UID != "uid-a" {
				t.Error("another object's claim is kept")
			}
		})
	}
}

func TestWhatIsWritten(t *testing.T) {
	down := func(c *Connection) { c.Ready = false }
	cases := map[string]struct {
		reason string
		parts  []part
		want   string
	}{
		"OutageOfOneUpToDate": {"An outage is not a status write a binding.", of(binding("a").claimed(1), presence(Unseen)), "unchanged"},
		"OutageOfANewOne":     {"A new one is told.", of(binding("a"), presence(Unseen)), "Unknown/Unreachable"},
		"OutageOfAnEditedOne": {"As is an edited one.", of(binding("a").claimed(1).edited(), presence(Unseen)), "Unknown/Unreachable Held Created"},
		"ConnectionDown":      {"The connection says so for all.", of(binding("a").claimed(1).through("acme", down), holds(w1, member)), "unchanged"},
		"DistrustedListing":   {"So it does of a listing that is no evidence.", of(binding("a").claimed(1).through("acme", func(c *Connection) { c.Distrusts = true }), presence(Absent)), "unchanged"},
		"TrustedListing":      {"Else each binding says it.", of(binding("a").claimed(1), presence(Absent)), "Unknown/ListIncomplete Held Created"},
		"NotLookedAt":         {"Nothing is said before the connection was looked at.", of(binding("a").through("acme", func(c *Connection) { c.Host = "" })), "unchanged"},
		"DeletingHeldUp":      {"A deletion that is held up says by what.", of(binding("a").claimed(1).deleting(), presence(Absent)), "Unknown/ListIncomplete Held Created"},
		"DeletingForeign":     {"An object without our finalizer is left alone.", of(binding("a").deleting()), "unchanged"},
		"Orphan":              {"An object that is gone has no status.", of(binding("a").claimed(1).orphan(), presence(Absent)), "unchanged"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			differ(t, c.reason, "statement", c.want, drive(t, situation(c.parts...)).state("a"))
		})
	}
}

func TestMessagesSayWhatToDo(t *testing.T) {
	const release = `; the role is not revoked until then: set the annotation astro.scopedtoken.dev/release to "true"`
	fought := remembered(func(m Memory) Memory {
		for range contentionLimit {
			m = m.restored(now, &binding("a").claimed(1).b)
		}
		return m
	})
	cases := map[string]struct {
		reason string
		parts  []part
		want   string
	}{
		"Deletion":       {"A deletion that is held up says how to let go.", of(binding("a").claimed(1).deleting(), presence(Absent)), release},
		"Replaced":       {"How to confirm a token is said.", of(replaced("t2")), "set the annotation astro.scopedtoken.dev/confirm-token to t2"},
		"Ambiguous":      {"Which ids there are is said.", of(binding("a").on(d1).targetNamed().found(shown(d2), shown(d1))), "d1, d2; recreate the binding with spec.target.id"},
		"ExternalWriter": {"Who else writes is said.", of(binding("a").claimed(1), holds(w1, owner), fought, token(func(o *Observation) { o.Token.UpdatedBy = "Bob" })), `Astro names "Bob" as the last to update it`},
		"OwnScope":       {"What is protected is said.", of(binding("a").claimed(1).deleting(), with(func(s *Situation) { s.Token.Token.Roles = nil }), workspaceToken(w1)), "is where the token was made, and its role there is never changed; bind another target"},
		"Hidden":         {"Why an absent token is not gone is said.", of(binding("a").claimed(1), presence(Absent), token(func(o *Observation) { o.Why = "two pages overlap" })), "two pages overlap"},
		"HiddenByAnswer": {"What Astro said to the connection is said.", of(binding("a").claimed(1), presence(Absent), token(func(o *Observation) {
			o.Why, o.WhyTo = "another could not be asked", map[string]string{connection("acme").ID: "Forbidden to acme", connection("other").ID: "Forbidden to other"}
		})), "Forbidden to acme"},
		"HiddenByOthers": {"What it said to another is not.", of(binding("a").claimed(1), presence(Absent), token(func(o *Observation) {
			o.Why, o.WhyTo = "another could not be asked", map[string]string{connection("other").ID: "Forbidden to other"}
		})), "does not prove that it was deleted: another could not be asked"},
		"Suspended":     {"Why what was withdrawn stays is said.", of(binding("a").claimed(1).suspended().through("acme", onlyRole(owner), withdrawing), holds(w1, member)), "stays in Astro as long as spec.suspend is true"},
		"SelfProtected": {"Which connection may not write a token is said.", of(binding("a"), token(func(o *Observation) { o.CredentialOf = []string{connection("acme").ID} })), "is the credential of ClusterAstroConnection acme, and is not written through it"},
		"ExpiredEdited": {"What was given up is said, not what is declared by now.", of(over("a").claimed(1).edit(func(b *v1alpha1.ScopedTokenBinding) {
			b.Status.Claim.State, b.Spec.Role = v1alpha1.ClaimReleased, owner
		}).edited().but(func(b *Binding) { b.Claim = nil })), "has given up " + member + " on"},
		"Limited": {"What limits revocations is said.", of(binding("a").claimed(1).deleting().through("acme", spec(func(s *v1alpha1.ConnectionSpec) { s.MaxRevocationsPerSweep = 7 })), holds(w1, member)), "more than 7 role(s) were to be revoked through ClusterAstroConnection acme within 5m0s"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := drive(t, situation(c.parts...), func(w *driver) { w.limit = map[roleset.Target]bool{w1: true} })
			if m := w.message("a"); !strings.Contains(m, c.want) {
				t.Errorf("%s\nwant %q in %q", c.reason, c.want, m)
			}
		})
	}
}

func TestDriftCorrectedSaysWhatWasFound(t *testing.T) {
	by := func(who string) with { return token(func(o *Observation) { o.Token.UpdatedBy = who }) }
	const at = " was found at 2026-03-01T12:00:00Z"
	cases := map[string]struct {
		reason string
		parts  []part
		want   string
	}{
		"Changed":  {"The role that stood there, and who wrote it.", of(binding("a").claimed(1), holds(w1, owner), by("Bob")), "WORKSPACE_OWNER" + at + `, where Astro named "Bob" as the last to write the token`},
		"Removed":  {"That there was none.", of(binding("a").claimed(1), by("Bob")), "no role" + at + `, where Astro named "Bob"`},
		"Nobody":   {"Where Astro names nobody, nobody is named.", of(binding("a").claimed(1)), "no role" + at},
		"Injected": {"What Astro names is quoted.", of(binding("a").claimed(1), by("x\n---\nkind: Secret")), `"x\n---\nkind: Secret"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := drive(t, situation(c.parts...))
			differ(t, c.reason, "state", "True/DriftCorrected Held Created, changed", w.state("a"))
			said := w.message("a")
			if !strings.Contains(said, c.want) || name == "Nobody" && !strings.HasSuffix(said, c.want) {
				t.Errorf("%s\nwant %q in %q", c.reason, c.want, said)
			}
			calm := drive(t, w.next(time.Minute))
			differ(t, "It goes on saying so while nothing happens.", "message", said, calm.message("a"))
			s := calm.next(time.Hour)
			s.Token.Token.Roles = s.Token.Token.Roles[:1]
			if again := drive(t, s).message("a"); again == said || !strings.Contains(again, "2026-03-01T13:01:00Z") {
				t.Errorf("the next correction is told by its own time: %q", again)
			}
		})
	}
}

func TestReasonsOfInSync(t *testing.T) {
	told := func(reason string) func(*v1alpha1.ScopedTokenBinding) {
		return func(o *v1alpha1.ScopedTokenBinding) { o.Status.Conditions[2].Reason = reason }
	}
	cases := map[string]struct {
		reason  string
		binding *bindingBuilder
		want    string
	}{
		"Stays":        {"While nothing happens it goes on saying the same.", binding("a").claimed(1).edit(told(v1alpha1.ReasonDriftCorrected)), "True/DriftCorrected Held Created"},
		"AfterObserve": {"But for what an observer said.", binding("a").claimed(1).edit(told(v1alpha1.ReasonInSync)), "True/Granted Held Created"},
		"Adopted":      {"What was adopted says so.", binding("a").adopted(1).edit(func(o *v1alpha1.ScopedTokenBinding) { o.Status.Conditions[2].Status = "False" }), "True/Adopted Held Adopted"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			differ(t, c.reason, "statement", c.want, drive(t, situation(c.binding, holds(w1, member))).state("a"))
		})
	}
	quiet := Ruling{Fault: fault.Quiet()}
	differ(t, "A quiet fault changes nothing.", "unchanged", true, binding("a").b.unchanged(quiet, false))
	differ(t, "Unless a claim is left.", "unchanged", false, binding("a").b.unchanged(quiet, true))
	differ(t, "No time is no time.", "time", (*metav1.Time)(nil), timeOf(&time.Time{}))
}
