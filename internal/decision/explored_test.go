package decision

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// exploredAt is when the situations of these tests are.
var exploredAt = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

// recoveredBinding is one whose claim only the journal has.
func recoveredBinding(role string, deleting bool) Binding {
	o := &v1alpha1.ScopedTokenBinding{}
	o.Namespace, o.Name, o.UID, o.Generation = "team", "a", "a1", 1
	o.Finalizers = []string{v1alpha1.FinalizerRevoke}
	o.Spec.Token = v1alpha1.TokenReference{Scope: v1alpha1.ScopeOrganization, ID: "token"}
	o.Spec.Target = v1alpha1.TargetReference{Kind: v1alpha1.TargetDeployment, ID: "d1"}
	o.Spec.Role = role
	if deleting {
		o.DeletionTimestamp = &metav1.Time{Time: exploredAt}
	}
	connection := &v1alpha1.AstroConnection{}
	connection.Namespace, connection.Name = "team", "acme"
	return Binding{
		Object: o, Journaled: true, Recovered: exploredAt,
		Claim: &pin.Claim{
			Host: "h", Organization: "org", Token: "token", TargetKind: v1alpha1.TargetDeployment, Target: "d1",
			Role: "DEPLOYMENT_ADMIN", Origin: v1alpha1.OriginCreated, ClaimedAt: exploredAt,
		},
		Connection: Connection{
			ID: "AstroConnection/team/acme", Object: connection, Host: "h", Organization: "org", Credential: "c", Ready: true, Callable: true,
		},
		Target: TargetFinding{Looked: true, Found: []astro.Target{{Kind: astro.EntityDeployment, ID: "d1", WorkspaceID: "w1"}}},
	}
}

func exploredSituation(b Binding, read time.Time, roles ...astro.Role) Situation {
	token := astro.Token{ID: "token", Scope: astro.ScopeOrganization, Kind: astro.KindStandard, RolesKnown: true}
	token.Roles = append([]astro.Role{astro.NewRole(astro.EntityOrganization, "org", "ORGANIZATION_MEMBER")}, roles...)
	return Situation{
		Key: Key{Host: "h", Organization: "org", Token: "token"}, Now: exploredAt.Add(time.Hour), Bindings: []Binding{b},
		Token: Observation{Token: token, Presence: Present, ByID: !read.IsZero(), At: read},
	}
}

// TestRecoveredClaims has what the explorer found about claims that only the journal has.
func TestRecoveredClaims(t *testing.T) {
	admin := astro.NewRole(astro.EntityDeployment, "d1", "DEPLOYMENT_ADMIN")
	viewer := astro.NewRole(astro.EntityDeployment, "d1", "Viewer")
	lost := exploredSituation(recoveredBinding("DEPLOYMENT_ADMIN", true), exploredAt.Add(time.Hour))
	lost.Memory.Unanswered = map[roleset.Target]time.Time{{Kind: astro.EntityDeployment, ID: "d1"}: exploredAt.Add(time.Hour - time.Second)}
	restarted := exploredSituation(recoveredBinding("DEPLOYMENT_ADMIN", true), exploredAt.Add(time.Hour))
	restarted.Began = exploredAt.Add(time.Hour - time.Second)
	cases := map[string]struct {
		reason    string
		situation Situation
		class     roleset.Class
		release   bool
		uncertain bool
	}{
		"Listed":    {"A listing may be older than a write that arrived.", exploredSituation(recoveredBinding("DEPLOYMENT_ADMIN", true), time.Time{}), roleset.Hold, false, true},
		"Early":     {"A write may still arrive.", exploredSituation(recoveredBinding("DEPLOYMENT_ADMIN", true), exploredAt.Add(time.Second)), roleset.Hold, false, true},
		"Late":      {"Nothing arrives any more.", exploredSituation(recoveredBinding("DEPLOYMENT_ADMIN", true), exploredAt.Add(time.Minute)), roleset.None, true, false},
		"Lost":      {"A later write of this process may still arrive.", lost, roleset.Hold, false, true},
		"Restarted": {"A write of the process before may still arrive.", restarted, roleset.Hold, false, true},
		"There":     {"The very role is revoked.", exploredSituation(recoveredBinding("DEPLOYMENT_ADMIN", true), exploredAt.Add(time.Minute), admin), roleset.Leave, false, false},
		"Other":     {"Another role is somebody else's.", exploredSituation(recoveredBinding("DEPLOYMENT_ADMIN", true), exploredAt.Add(time.Minute), viewer), roleset.None, true, false},
		"OtherEarly": {
			"A write may still replace the other role.", exploredSituation(recoveredBinding("DEPLOYMENT_ADMIN", true), exploredAt.Add(time.Second), viewer), roleset.Hold, false, true,
		},
		"Edited":       {"The journal would not know the new role again: the status comes first.", exploredSituation(recoveredBinding("Viewer", false), exploredAt.Add(time.Minute), admin), roleset.Hold, false, false},
		"EditedUnseen": {"Before that it has to be seen what became of the write.", exploredSituation(recoveredBinding("Viewer", false), exploredAt.Add(time.Second)), roleset.Hold, false, true},
		"Same":         {"The journal knows the role.", exploredSituation(recoveredBinding("DEPLOYMENT_ADMIN", false), exploredAt.Add(time.Minute)), roleset.Want, false, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := Decide(tc.situation).Rulings[0]
			if r.Class != tc.class || r.Release != tc.release || r.Uncertain != tc.uncertain {
				t.Errorf("%s\nclass %v, release %t, uncertain %t; want %v, %t, %t (%+v)", tc.reason, r.Class, r.Release, r.Uncertain, tc.class, tc.release, tc.uncertain, r.Fault)
			}
		})
	}
}

// TestClaimTakenAgain takes a claim again while the clock stands still.
func TestClaimTakenAgain(t *testing.T) {
	b := recoveredBinding("DEPLOYMENT_ADMIN", false)
	b.Claim, b.Journaled, b.Recovered = nil, false, time.Time{}
	b.Object.Status.Claim = &v1alpha1.Claim{UID: b.Object.UID, State: v1alpha1.ClaimReleased, ClaimedAt: metav1.NewMicroTime(exploredAt.Add(time.Hour))}
	d := Decide(exploredSituation(b, exploredAt.Add(time.Hour)))
	if at := d.claims[0].ClaimedAt; !at.After(b.Object.Status.Claim.ClaimedAt.Time) {
		t.Errorf("the new claim is of %s, not later than the one that was given up", at)
	}
}

// TestFinalizedBefore enters the claim of a binding whose finalizer was on already and whose role is there already.
func TestFinalizedBefore(t *testing.T) {
	b := recoveredBinding("DEPLOYMENT_ADMIN", false)
	b.Claim, b.Journaled, b.Recovered = nil, false, time.Time{}
	p := Begin(exploredSituation(b, exploredAt.Add(time.Hour), astro.NewRole(astro.EntityDeployment, "d1", "DEPLOYMENT_ADMIN")))
	report, is := Next(p).(Report)
	if !is || !report.Statements[0].holds() {
		t.Errorf("%T does not enter the claim: %+v", Next(p), report)
	}
}
