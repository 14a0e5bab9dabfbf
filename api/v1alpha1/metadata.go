package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// AnnotationHeld carries a HeldClaim as JSON. The operator writes it together with FinalizerRevoke, before the
	// binding's claim matters to Astro. It is a hint to be checked, not a proof.
	AnnotationHeld = "astro.scopedtoken.dev/held"

	// AnnotationRelease set to "true" lets a binding be deleted without its role being revoked.
	AnnotationRelease = "astro.scopedtoken.dev/release"

	// AnnotationRequestedAt asks for a reconcile: any new value makes the operator look at Astro again.
	AnnotationRequestedAt = "astro.scopedtoken.dev/requestedAt"

	// AnnotationLiftRevocationLimit is a time, as of RFC 3339, until which the revocation limit of a connection does not
	// count. A time that has passed means nothing.
	AnnotationLiftRevocationLimit = "astro.scopedtoken.dev/lift-revocation-limit"

	// AnnotationConfirmToken names the id of the token that a binding by name is to be moved to, after the token was
	// made again under the same name.
	AnnotationConfirmToken = "astro.scopedtoken.dev/confirm-token"

	// FinalizerRevoke keeps a binding until its role is known to be gone, or is to stay.
	FinalizerRevoke = "astro.scopedtoken.dev/revoke"

	// FinalizerInUse keeps a connection while bindings need it to revoke their roles.
	FinalizerInUse = "astro.scopedtoken.dev/in-use"
)

// HeldClaim is the claim that a binding has taken: which role of which token on which target. It is what a crash or a
// restore from backup without status is undone from.
type HeldClaim struct {
	// Host is the host of Astro's API, with its port if it has one.
	Host string `json:"host"`
	// Organization is the id of the Organization.
	Organization string `json:"organization"`
	// Token is the id of the token.
	Token string `json:"token"`
	// Scope is the scope of the token.
	Scope Scope `json:"scope"`
	// TargetKind is the kind of the target.
	TargetKind TargetKind `json:"targetKind"`
	// Target is the id of the target.
	Target string `json:"target"`
	// Role is the role that was declared when the claim was taken.
	Role string `json:"role"`
	// Origin says whether the token held a role on the target already.
	Origin Origin `json:"origin"`
	// PreviousRole is the role it held, if any.
	PreviousRole string `json:"previousRole,omitempty"`
	// Time is when the claim was taken. The earliest claim wins a conflict.
	Time metav1.MicroTime `json:"time"`
}
