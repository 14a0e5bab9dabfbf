package pin

import (
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// Claim is what a binding has claimed: a role of one token on one target.
type Claim struct {
	// Host of Astro's API, and the id of the Organization.
	Host, Organization string
	// Token is its id.
	Token string
	// TargetKind and Target are the kind and the id of the target.
	TargetKind v1alpha1.TargetKind
	Target     string
	// Role that Astro held when the claim was last reported; empty if it held none.
	Role string
	// Origin says whether the role was created or adopted, and PreviousRole what was there when it was adopted.
	Origin       v1alpha1.Origin
	PreviousRole string
	// ClaimedAt orders the claims on one target.
	ClaimedAt time.Time
}

// Claimed returns the claim that the binding holds, or nil if it holds none. Only the status says so, which users do not
// write, and only for the very object whose uid it names: the status of a copy, or one that came back from a backup, has
// a pin at most.
func Claimed(b *v1alpha1.ScopedTokenBinding) *Claim {
	s := &b.Status
	if !ownClaim(b) || s.Claim.State != v1alpha1.ClaimHeld || s.Claim.Host == "" || s.OrganizationID == "" || s.Token.ID == "" || s.Target.ID == "" {
		return nil
	}
	return &Claim{
		Host: s.Claim.Host, Organization: s.OrganizationID, Token: s.Token.ID,
		TargetKind: b.Spec.Target.Kind, Target: s.Target.ID, Role: s.Role,
		Origin: s.Origin, PreviousRole: s.PreviousRole, ClaimedAt: s.Claim.ClaimedAt.Time,
	}
}

// LastClaimed is when the binding took its last claim, whether it still holds it or not; zero if it never took one. What
// a journal has of a claim that is not later is out of date.
func LastClaimed(b *v1alpha1.ScopedTokenBinding) time.Time {
	if !ownClaim(b) {
		return time.Time{}
	}
	return b.Status.Claim.ClaimedAt.Time
}

// ownClaim reports whether the status speaks of a claim of this very object.
func ownClaim(b *v1alpha1.ScopedTokenBinding) bool {
	return b.Status.Claim != nil && b.UID != "" && b.Status.Claim.UID == b.UID
}
