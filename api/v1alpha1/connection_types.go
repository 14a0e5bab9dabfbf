package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// WithdrawalPolicy says what becomes of a role that was granted by rules that no longer allow it.
// +kubebuilder:validation:Enum=Freeze;Revoke
type WithdrawalPolicy string

const (
	// WithdrawalFreeze leaves the role as it is and says so on the binding.
	WithdrawalFreeze WithdrawalPolicy = "Freeze"
	// WithdrawalRevoke removes the role.
	WithdrawalRevoke WithdrawalPolicy = "Revoke"
)

// DanglingRolePolicy says what to do with a role nobody declared whose Workspace or Deployment is gone, and because of
// which Astro refuses every change of its token.
// +kubebuilder:validation:Enum=Keep;Drop
type DanglingRolePolicy string

const (
	// DanglingKeep leaves the role and reports the token as stuck.
	DanglingKeep DanglingRolePolicy = "Keep"
	// DanglingDrop removes the role, once its target is proven gone.
	DanglingDrop DanglingRolePolicy = "Drop"
)

// SecretKeyReference names one key of one Secret. There is no namespace: an AstroConnection reads the Secret in its own
// namespace, a ClusterAstroConnection in the operator's.
type SecretKeyReference struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name,omitempty"`

	// key in the Secret under which the API token stands.
	// +optional
	// +kubebuilder:default=token
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key,omitempty"`
}

// RateLimit bounds the calls made with one credential. Where several connections use one credential they share its
// budget, and the lowest figure counts.
type RateLimit struct {
	// readsPerSecond is the highest rate of GET requests.
	// +optional
	// +kubebuilder:default=25
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	ReadsPerSecond int32 `json:"readsPerSecond,omitempty"`

	// writesPerSecond is the highest rate of POST requests.
	// +optional
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	WritesPerSecond int32 `json:"writesPerSecond,omitempty"`
}

// ConnectionSpec says how an Astro Organization is reached, and who may use it. It is shared by both connection kinds.
// +kubebuilder:validation:XValidation:rule="self.organizationId == oldSelf.organizationId",message="spec.organizationId cannot be changed; make another connection"
// +kubebuilder:validation:XValidation:rule="self.apiURL == oldSelf.apiURL",message="spec.apiURL cannot be changed; make another connection"
// +kubebuilder:validation:XValidation:rule="size(dyn(self)) == 9 + (has(self.allow) ? 1 : 0) + (has(self.maxRevocationsPerSweep) ? 1 : 0)",message="spec.allow or spec.maxRevocationsPerSweep has nothing behind it; write the rules or the number, or take the key out, which means an own namespace without rules, or no limit"
type ConnectionSpec struct {
	// organizationId is the id of the Astro Organization. It cannot be changed.
	// +required
	OrganizationID AstroID `json:"organizationId,omitempty"`

	// apiURL is where Astro's API is: https://host or https://host:port, in lower case and without a path or the port
	// that is meant anyway, so that one Astro is written in one way. Its host must be one that the operator was started with.
	// It cannot be changed.
	// +optional
	// +kubebuilder:default="https://api.astronomer.io"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*(:[1-9][0-9]{0,4})?$')",message="spec.apiURL must be https://host or https://host:port, in lower case and without a path"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^https:.*:443$|^http:.*:80$')",message="spec.apiURL must leave out the port that is meant anyway, :443 for https and :80 for http"
	APIURL string `json:"apiURL,omitempty"`

	// credentialsSecretRef names the Secret with the API token with which the operator works: in the same namespace for
	// an AstroConnection, in the operator's namespace for a ClusterAstroConnection.
	// +required
	CredentialsSecretRef SecretKeyReference `json:"credentialsSecretRef,omitzero"`

	// sweepInterval is how often the tokens are listed to notice what others changed: from 5s to 24h, such as 30s, 5m or
	// 1h30m.
	// +optional
	// +kubebuilder:default="5m0s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,5}h)?([0-9]{1,6}m)?([0-9]{1,7}([.][0-9]{1,9})?s)?$') && size(self) > 0 && duration(self) >= duration('5s') && duration(self) <= duration('24h')",message="spec.sweepInterval must be a duration from 5s to 24h, such as 30s, 5m or 1h30m"
	SweepInterval metav1.Duration `json:"sweepInterval,omitzero"` //nolint:kubeapilinter // Users of Kubernetes write 5m; the rule above says what may be written.

	// rateLimit bounds the calls made with the credential. The defaults are the published limits of Astro.
	// +optional
	// +kubebuilder:default={readsPerSecond: 25, writesPerSecond: 10}
	RateLimit RateLimit `json:"rateLimit,omitzero"`

	// allow are the rules that say who may use this connection for what. Without any, a ClusterAstroConnection allows
	// nobody anything, and an AstroConnection allows its own namespace everything.
	// +optional
	// +nullable
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	Allow []AllowRule `json:"allow,omitempty"`

	// mode is Enforce, to make Astro hold what bindings declare, or Observe: through this connection nothing is written to
	// Astro, nothing given and nothing revoked, and every binding says what it would do. What bindings hold they keep.
	// +optional
	// +nullable
	// +kubebuilder:default=Enforce
	Mode Mode `json:"mode,omitempty"`

	// deletionPolicy is that of the bindings of this connection that name none: whether their role is revoked or retained
	// when they are deleted.
	// +optional
	// +nullable
	// +kubebuilder:default=Revoke
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// onWithdrawal says what becomes of a role that the rules no longer allow: Freeze or Revoke it.
	// +optional
	// +kubebuilder:default=Freeze
	OnWithdrawal WithdrawalPolicy `json:"onWithdrawal,omitempty"`

	// danglingRoles says what to do with a role nobody declared which makes Astro refuse every change of its token, since its
	// target or its custom role is gone, or its Deployment was moved out of a Workspace token's Workspace: Keep or Drop it.
	// +optional
	// +kubebuilder:default=Keep
	DanglingRoles DanglingRolePolicy `json:"danglingRoles,omitempty"`

	// maxRevocationsPerSweep is how many roles may be revoked through this connection within one sweepInterval. When more
	// are to be revoked, none is any more until somebody lifts the limit for a while, with the annotation
	// astro.scopedtoken.dev/lift-revocation-limit, or no binding waits for it. Where several namespaces hold roles, each may
	// use half, and one role at least. There is no limit unless this is set.
	// +optional
	// +nullable
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	MaxRevocationsPerSweep int32 `json:"maxRevocationsPerSweep,omitempty"`
}

// ConnectionStatus is what the operator found of a connection. It holds nothing that changes at each sweep.
type ConnectionStatus struct {
	// observedGeneration is the generation of the spec that this status speaks of; -1 until the operator has looked.
	// +optional
	// +kubebuilder:default=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// organizationName is the name of the Organization in Astro.
	// +optional
	OrganizationName string `json:"organizationName,omitempty"`

	// credentialTokenId is the id of the API token with which the operator works. The operator never changes the
	// roles of a ClusterAstroConnection's credential, nor, through that connection, those of an AstroConnection's.
	// +optional
	CredentialTokenID string `json:"credentialTokenId,omitempty"`

	// credentialRoles are the roles of that API token by which listings of tokens are measured, such as
	// ORGANIZATION/clo...=ORGANIZATION_OWNER. While it lacks one, nothing is concluded from what a listing lacks.
	// +optional
	// +listType=atomic
	CredentialRoles []string `json:"credentialRoles,omitempty"`

	// credentialRolesTokenId is the id of the API token whose roles credentialRoles are: the one before, until a listing of
	// the present one was found to show all that is bound.
	// +optional
	CredentialRolesTokenID string `json:"credentialRolesTokenId,omitempty"`

	// credentialExpiresAt is when that API token expires; absent if it never does.
	// +optional
	// +kubebuilder:validation:Pattern=`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`
	// +kubebuilder:validation:Type=string
	CredentialExpiresAt *metav1.Time `json:"credentialExpiresAt,omitempty"`

	// bindings is the number of bindings that refer to this connection.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Bindings int32 `json:"bindings"`

	// lastHandledReconcileAt is the value of the annotation astro.scopedtoken.dev/requestedAt that was last acted upon.
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`

	// conditions are Ready; Reconciling, Stalled, Warning and RevocationsPaused are there only while true.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="self.all(c, c.lastTransitionTime <= timestamp('9999-12-31T23:59:59Z'))",message="lastTransitionTime of a condition must be a time of RFC 3339, such as 2026-01-31T12:00:00Z"
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// AstroConnection reaches one Astro Organization for the bindings of its own namespace.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=astroconn,categories=astro
// +kubebuilder:printcolumn:name="Organization",type=string,JSONPath=`.status.organizationName`
// +kubebuilder:printcolumn:name="Bindings",type=integer,JSONPath=`.status.bindings`
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.mode`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Organization ID",type=string,priority=1,JSONPath=`.spec.organizationId`
// +kubebuilder:printcolumn:name="Credential Expires",type=string,priority=1,JSONPath=`.status.credentialExpiresAt`
type AstroConnection struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec says how the Organization is reached, and who may use it.
	// +required
	// +kubebuilder:validation:XValidation:rule="!has(oldSelf.allow) || has(self.allow)",message="spec.allow may be changed but not taken out, which would silently allow the namespace everything that the credential may; write the rules that are wanted"
	Spec ConnectionSpec `json:"spec,omitzero"`

	// status is what the operator found.
	// +optional
	// +kubebuilder:default:={"observedGeneration":-1}
	Status ConnectionStatus `json:"status,omitzero"`
}

// AstroConnectionList is a list of connections.
// +kubebuilder:object:root=true
type AstroConnectionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the connections.
	Items []AstroConnection `json:"items"`
}

// ClusterAstroConnection reaches one Astro Organization for the bindings of every namespace that its rules allow.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=castroconn,categories=astro
// +kubebuilder:printcolumn:name="Organization",type=string,JSONPath=`.status.organizationName`
// +kubebuilder:printcolumn:name="Bindings",type=integer,JSONPath=`.status.bindings`
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.mode`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Organization ID",type=string,priority=1,JSONPath=`.spec.organizationId`
// +kubebuilder:printcolumn:name="Credential Expires",type=string,priority=1,JSONPath=`.status.credentialExpiresAt`
type ClusterAstroConnection struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec says how the Organization is reached, and who may use it.
	// +required
	Spec ConnectionSpec `json:"spec,omitzero"`

	// status is what the operator found.
	// +optional
	// +kubebuilder:default:={"observedGeneration":-1}
	Status ConnectionStatus `json:"status,omitzero"`
}

// ClusterAstroConnectionList is a list of cluster connections.
// +kubebuilder:object:root=true
type ClusterAstroConnectionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the connections.
	Items []ClusterAstroConnection `json:"items"`
}
