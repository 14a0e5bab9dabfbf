package pin

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// claimedBinding is one by name that holds a claim on the token and target it is pinned to.
func claimedBinding() *v1alpha1.ScopedTokenBinding {
	b := &v1alpha1.ScopedTokenBinding{}
	b.UID = "u1"
	b.Spec.Token = v1alpha1.TokenReference{Scope: v1alpha1.ScopeOrganization, Name: "ci"}
	b.Spec.Target = v1alpha1.TargetReference{Kind: v1alpha1.TargetDeployment, Name: "etl"}
	b.Spec.Role = "WANTED"
	b.Status.OrganizationID, b.Status.Token.ID, b.Status.Target.ID = org, old, dep
	b.Status.Role, b.Status.Origin, b.Status.PreviousRole = "R", v1alpha1.OriginAdopted, "P"
	b.Status.Claim = &v1alpha1.Claim{UID: "u1", State: v1alpha1.ClaimHeld, ClaimedAt: metav1.NewMicroTime(time.Unix(7, 0)), Host: "h"}
	return b
}

func TestClaimed(t *testing.T) {
	whole := &Claim{
		Host: "h", Organization: org, Token: old, TargetKind: v1alpha1.TargetDeployment, Target: dep,
		Role: "R", Origin: v1alpha1.OriginAdopted, PreviousRole: "P", ClaimedAt: time.Unix(7, 0),
	}
	noRole := *whole
	noRole.Role = ""
	cases := map[string]struct {
		reason string
		edit   func(*v1alpha1.ScopedTokenBinding)
		want   *Claim
		last   time.Time
	}{
		"Held":        {"The status says so, of this object.", func(*v1alpha1.ScopedTokenBinding) {}, whole, time.Unix(7, 0)},
		"Released":    {"It was given up, and when it was taken is still known.", func(b *v1alpha1.ScopedTokenBinding) { b.Status.Claim.State = v1alpha1.ClaimReleased }, nil, time.Unix(7, 0)},
		"OddState":    {"What is not Held is not held.", func(b *v1alpha1.ScopedTokenBinding) { b.Status.Claim.State = "" }, nil, time.Unix(7, 0)},
		"Copied":      {"The status of a copy, or of one that was restored, names another object.", func(b *v1alpha1.ScopedTokenBinding) { b.UID = "u2" }, nil, time.Time{}},
		"NoUID":       {"An object without a uid is nobody's.", func(b *v1alpha1.ScopedTokenBinding) { b.UID, b.Status.Claim.UID = "", "" }, nil, time.Time{}},
		"Pinned":      {"Ids without a claim are a pin.", func(b *v1alpha1.ScopedTokenBinding) { b.Status.Claim = nil }, nil, time.Time{}},
		"NoHost":      {"A claim says at which Astro.", func(b *v1alpha1.ScopedTokenBinding) { b.Status.Claim.Host = "" }, nil, time.Unix(7, 0)},
		"NoOrg":       {"And in which Organization.", func(b *v1alpha1.ScopedTokenBinding) { b.Status.OrganizationID = "" }, nil, time.Unix(7, 0)},
		"NoToken":     {"And on which token.", func(b *v1alpha1.ScopedTokenBinding) { b.Status.Token.ID = "" }, nil, time.Unix(7, 0)},
		"NoTarget":    {"And on which target.", func(b *v1alpha1.ScopedTokenBinding) { b.Status.Target.ID = "" }, nil, time.Unix(7, 0)},
		"RoleMissing": {"A role that somebody removed in Astro is claimed all the same.", func(b *v1alpha1.ScopedTokenBinding) { b.Status.Role = "" }, &noRole, time.Unix(7, 0)},
		"Annotated": {
			"What a user may write is no claim.",
			func(b *v1alpha1.ScopedTokenBinding) {
				b.Status = v1alpha1.ScopedTokenBindingStatus{}
				b.Annotations = map[string]string{"astro.scopedtoken.dev/held": `{"host":"h","organization":"` + org + `","token":"` + old + `","target":"` + dep + `"}`}
				b.Finalizers = []string{v1alpha1.FinalizerRevoke}
			},
			nil, time.Time{},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := claimedBinding()
			tc.edit(b)
			if diff := cmp.Diff(tc.want, Claimed(b)); diff != "" {
				t.Errorf("%s\n-want +got\n%s", tc.reason, diff)
			}
			if got := LastClaimed(b); !got.Equal(tc.last) {
				t.Errorf("%s\nlast claimed at %v, want %v", tc.reason, got, tc.last)
			}
		})
	}
}
