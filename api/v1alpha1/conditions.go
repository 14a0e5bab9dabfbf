package v1alpha1

const (
	// ConditionReady sums up the others: True when Accepted, Resolved and Synced are; the reason and message are those of
	// the first that is not. A binding in mode Observe, its own or its connection's, is Ready once the operator has looked; one
	// that has expired is Ready once it has given its role up.
	ConditionReady = "Ready"

	// ConditionAccepted says whether the binding may do what it declares, and has the say over its token and target.
	// True: Accepted. False: NamespaceNotAllowed, TokenNotAllowed, TargetNotAllowed, RoleNotAllowed, ExistingRole,
	// ConflictingBinding, SelfProtected, ConnectionNotFound, OrganizationMismatch. Unknown: ConnectionNotReady and others
	// that keep the operator from looking.
	ConditionAccepted = "Accepted"

	// ConditionResolved says whether token, target and role exist, and are what the binding takes them for.
	// True: Resolved. False: TokenNotFound, TokenAmbiguous, TokenReplaced, TokenScopeMismatch, TokenKindUnsupported,
	// TokenExpired, TargetNotFound, TargetAmbiguous, TargetReplaced, RoleNotFound, ParentRoleMissing, PermissionDenied, PinLost.
	// Unknown: Pending, ListIncomplete, Unreachable and others that keep the operator from looking.
	ConditionResolved = "Resolved"

	// ConditionSynced says whether Astro holds the role. True: Granted, Adopted, RoleUpdated, DriftCorrected, InSync.
	// False: DriftDetected, WouldChange, Expired, ExternalWriter, PermissionDenied, RefusedByAstro, OwnScopeRoleProtected,
	// Revoking, RevocationLimited, Suspended, KubernetesRefused. Unknown: Pending, RateLimited, CredentialRejected,
	// Unreachable and others that keep the operator from looking.
	ConditionSynced = "Synced"

	// ConditionReconciling is there, and True, while the operator works towards the declared state.
	ConditionReconciling = "Reconciling"

	// ConditionStalled is there, and True, while nothing will get better unless somebody changes something.
	ConditionStalled = "Stalled"

	// ConditionWarning is there, and True, while something will go wrong unless somebody acts, or should be looked at. Ready
	// does not depend on it. On a binding: TokenExpires, ContestedRole, TokenUnused. On a connection: CredentialExpires. On an
	// inventory: RemovalUnconfirmed, RemovalUnderWay, RemovalKept.
	ConditionWarning = "Warning"

	// ConditionRevocationsPaused is there on a connection, and True, while nothing is revoked through it because
	// spec.maxRevocationsPerSweep was reached, until somebody lifts the limit or nothing waits for it: RevocationLimited.
	ConditionRevocationsPaused = "RevocationsPaused"
)

// Reasons of a condition that is True.
const (
	// ReasonAccepted: the rules allow the binding, and no other binding stands against it.
	ReasonAccepted = "Accepted"
	// ReasonResolved: token, target and role were found.
	ReasonResolved = "Resolved"
	// ReasonGranted: the operator gave the token the role.
	ReasonGranted = "Granted"
	// ReasonAdopted: the token held a role on the target already, and the operator took it over.
	ReasonAdopted = "Adopted"
	// ReasonRoleUpdated: the operator changed the role after spec.role was edited.
	ReasonRoleUpdated = "RoleUpdated"
	// ReasonDriftCorrected: the operator restored the role after somebody else had changed or removed it.
	ReasonDriftCorrected = "DriftCorrected"
	// ReasonConnected: the credential was proven for the Organization (connections).
	ReasonConnected = "Connected"
	// ReasonListed: the tokens of the target were listed (inventories).
	ReasonListed = "Listed"
)

// Reasons of a warning. The condition has that of the most pressing one, and the words of all.
const (
	// ReasonTokenExpires: the token expires within 30, 7 or 1 days.
	ReasonTokenExpires = "TokenExpires"
	// ReasonContestedRole: another binding declares another role for the same token and target, and is refused.
	ReasonContestedRole = "ContestedRole"
	// ReasonTokenUnused: nobody has used the token for 90 days.
	ReasonTokenUnused = "TokenUnused"
	// ReasonCredentialExpires: the connection's own API token expires within 30, 7 or 1 days.
	ReasonCredentialExpires = "CredentialExpires"
	// ReasonRemovalKept: bindings that hold no claim speak of roles that are undeclared, and keep them from being removed.
	ReasonRemovalKept = "RemovalKept"
	// ReasonRemovalUnconfirmed: the inventory is to remove roles that no binding declares, and nobody has confirmed them.
	ReasonRemovalUnconfirmed = "RemovalUnconfirmed"
	// ReasonRemovalUnderWay: removals of the inventory were confirmed and are not carried out yet.
	ReasonRemovalUnderWay = "RemovalUnderWay"
)

// Reasons that speak of the difference between what is declared and what Astro holds.
const (
	// ReasonDriftDetected: Astro took a change and does not show it, or still holds something else than declared; the operator
	// looks again.
	ReasonDriftDetected = "DriftDetected"
	// ReasonWouldChange: mode is Observe, here or on the connection, and Enforce would change something; see status.plannedChange.
	ReasonWouldChange = "WouldChange"
	// ReasonInSync: mode is Observe, and Enforce would change nothing.
	ReasonInSync = "InSync"
	// ReasonExpired: spec.expiresAt has passed, and the binding holds nothing any more.
	ReasonExpired = "Expired"
	// ReasonExternalWriter: somebody else keeps changing the role back; the operator has stopped fighting.
	ReasonExternalWriter = "ExternalWriter"
	// ReasonRevoking: the binding is being deleted or has expired, or its grant is withdrawn, and the role is not yet known to
	// be gone.
	ReasonRevoking = "Revoking"
	// ReasonRevocationLimited: more roles are to be revoked than the connection's spec.maxRevocationsPerSweep allows.
	ReasonRevocationLimited = "RevocationLimited"
	// ReasonJournalUnwritable: the operator cannot write down what it is about to give, so nothing new is given.
	ReasonJournalUnwritable = "JournalUnwritable"
	// ReasonKubernetesRefused: the API server refuses a write that the operator has to make: by RBAC, a quota or admission.
	ReasonKubernetesRefused = "KubernetesRefused"
	// ReasonPending: another condition has to be met first.
	ReasonPending = "Pending"
)

// Reasons that speak of the token.
const (
	// ReasonTokenNotFound: no token has this name or id.
	ReasonTokenNotFound = "TokenNotFound"
	// ReasonTokenAmbiguous: several tokens have this name.
	ReasonTokenAmbiguous = "TokenAmbiguous"
	// ReasonTokenReplaced: the token that was bound is gone, and another has its name now.
	ReasonTokenReplaced = "TokenReplaced"
	// ReasonTokenScopeMismatch: the token was not made where the binding says, or its home Workspace is not the target's.
	ReasonTokenScopeMismatch = "TokenScopeMismatch"
	// ReasonTokenKindUnsupported: the token is a Deployment token or of a kind other than STANDARD.
	ReasonTokenKindUnsupported = "TokenKindUnsupported"
	// ReasonTokenExpired: the token has expired.
	ReasonTokenExpired = "TokenExpired"
	// ReasonSelfProtected: the token is the credential of a ClusterAstroConnection, or of the connection that the binding uses,
	// so its roles are not changed.
	ReasonSelfProtected = "SelfProtected"
	// ReasonOwnScopeRoleProtected: the target is where the token was made, whose role there is never changed; or Astro does not
	// show that role, and a write would drop it.
	ReasonOwnScopeRoleProtected = "OwnScopeRoleProtected"
)

// Reasons that speak of the target and the role.
const (
	// ReasonTargetNotFound: no Workspace or Deployment has this name or id.
	ReasonTargetNotFound = "TargetNotFound"
	// ReasonTargetReplaced: the target that was bound is gone, and another has its name now.
	ReasonTargetReplaced = "TargetReplaced"
	// ReasonTargetAmbiguous: several Workspaces or Deployments have this name.
	ReasonTargetAmbiguous = "TargetAmbiguous"
	// ReasonRoleNotFound: Astro knows no such role.
	ReasonRoleNotFound = "RoleNotFound"
	// ReasonParentRoleMissing: Astro wants the token to hold a role on the Deployment's Workspace first.
	ReasonParentRoleMissing = "ParentRoleMissing"
)

// Reasons that speak of the connection.
const (
	// ReasonConnectionNotFound: there is no such connection.
	ReasonConnectionNotFound = "ConnectionNotFound"
	// ReasonConnectionNotReady: the connection is there, but is not Ready or is being deleted.
	ReasonConnectionNotReady = "ConnectionNotReady"
	// ReasonOrganizationMismatch: the credential, or the claim that is held, is of another Organization.
	ReasonOrganizationMismatch = "OrganizationMismatch"
	// ReasonHostNotAllowed: the operator was not started with the host of spec.apiURL.
	ReasonHostNotAllowed = "HostNotAllowed"
	// ReasonSecretNotFound: the Secret of the credential is not there, or the operator may not read it.
	ReasonSecretNotFound = "SecretNotFound"
	// ReasonSecretKeyMissing: the Secret has no such key, or nothing in it.
	ReasonSecretKeyMissing = "SecretKeyMissing"
	// ReasonSecretNotLabelled: the operator was started to use labelled Secrets only, and the Secret does not have the label.
	ReasonSecretNotLabelled = "SecretNotLabelled"
	// ReasonInUse: the connection is being deleted, and bindings still need it.
	ReasonInUse = "InUse"
)

// Reasons that speak of the rules and of other bindings.
const (
	// ReasonNamespaceNotAllowed: no rule of the connection speaks to this namespace.
	ReasonNamespaceNotAllowed = "NamespaceNotAllowed"
	// ReasonTokenNotAllowed: no rule allows this namespace the token.
	ReasonTokenNotAllowed = "TokenNotAllowed"
	// ReasonTargetNotAllowed: no rule allows this namespace the target with this token.
	ReasonTargetNotAllowed = "TargetNotAllowed"
	// ReasonRoleNotAllowed: no rule allows this namespace the role on this target with this token.
	ReasonRoleNotAllowed = "RoleNotAllowed"
	// ReasonInventoryNotAllowed: no rule allows this namespace an inventory of the target, or one that removes what no binding
	// declares.
	ReasonInventoryNotAllowed = "InventoryNotAllowed"
	// ReasonExistingRole: the token holds a role on the target, and spec.adopt or the rules of the connection forbid taking it over.
	ReasonExistingRole = "ExistingRole"
	// ReasonConflictingBinding: another binding declares another role for the same token and target, and was first.
	ReasonConflictingBinding = "ConflictingBinding"
	// ReasonSuspended: spec.suspend is true.
	ReasonSuspended = "Suspended"
)

// Reasons that speak of what Astro answered.
const (
	// ReasonRateLimited: Astro asked to slow down.
	ReasonRateLimited = "RateLimited"
	// ReasonCredentialRejected: Astro does not accept the credential, or it is not exactly one API token.
	ReasonCredentialRejected = "CredentialRejected"
	// ReasonPermissionDenied: Astro accepts the credential but not the request.
	ReasonPermissionDenied = "PermissionDenied"
	// ReasonRefusedByAstro: Astro refused the change as invalid.
	ReasonRefusedByAstro = "RefusedByAstro"
	// ReasonListIncomplete: the listing of tokens could not be trusted, so nothing is concluded from what it lacks.
	ReasonListIncomplete = "ListIncomplete"
	// ReasonUnreachable: Astro could not be reached or did not answer.
	ReasonUnreachable = "Unreachable"
	// ReasonPinLost: the binding is being deleted, the operator never looked at it, and the token holds the role it declares:
	// nobody knows who gave it.
	ReasonPinLost = "PinLost"
)
