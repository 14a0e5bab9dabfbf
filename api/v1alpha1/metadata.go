package v1alpha1

const (
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

	// AnnotationConfirmTarget names the id of the Workspace or Deployment that a binding by name is to be moved to, after
	// the target was made again under the same name.
	AnnotationConfirmTarget = "astro.scopedtoken.dev/confirm-target"

	// AnnotationConfirmUndeclared has what status.confirm of an inventory has, to let the removals that it stands for be
	// carried out.
	AnnotationConfirmUndeclared = "astro.scopedtoken.dev/confirm-undeclared"

	// LabelCredential set to "true" says that a Secret is meant to be the credential of a connection.
	LabelCredential = "astro.scopedtoken.dev/credential"

	// FinalizerRevoke keeps a binding until its role is known to be gone, or is to stay.
	FinalizerRevoke = "astro.scopedtoken.dev/revoke"

	// FinalizerInUse keeps a connection while bindings need it to revoke their roles.
	FinalizerInUse = "astro.scopedtoken.dev/in-use"
)
