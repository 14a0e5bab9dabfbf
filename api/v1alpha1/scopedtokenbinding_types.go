package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RoleDeploymentAdmin is the role a binding to a Deployment asks for when it names none.
const RoleDeploymentAdmin = "DEPLOYMENT_ADMIN"

// Mode says whether the operator writes to Astro for a binding.
// +kubebuilder:validation:Enum=Enforce;Observe
type Mode string

const (
	// ModeEnforce makes Astro hold what is declared.
	ModeEnforce Mode = "Enforce"
	// ModeObserve says what would change, and writes nothing.
	ModeObserve Mode = "Observe"
)

// AdoptPolicy says what to do when the token already holds a role on the target that nobody declared.
// +kubebuilder:validation:Enum=Always;IfSameRole;Never
type AdoptPolicy string

const (
	// AdoptAlways takes over whatever role is there.
	AdoptAlways AdoptPolicy = "Always"
	// AdoptIfSameRole takes over the role only if it is the declared one.
	AdoptIfSameRole AdoptPolicy = "IfSameRole"
	// AdoptNever refuses to take over a role.
	AdoptNever AdoptPolicy = "Never"
)

// DeletionPolicy says what becomes of the role in Astro when the binding is deleted.
// +kubebuilder:validation:Enum=Revoke;Retain
type DeletionPolicy string

const (
	// DeletionRevoke removes the role from the token.
	DeletionRevoke DeletionPolicy = "Revoke"
	// DeletionRetain leaves the role as it is.
	DeletionRetain DeletionPolicy = "Retain"
)

// Origin says how a binding came by its role in Astro.
// +kubebuilder:validation:Enum=Created;Adopted
type Origin string

const (
	// OriginCreated means that the token held no role on the target before.
	OriginCreated Origin = "Created"
	// OriginAdopted means that the token held a role on the target already.
	OriginAdopted Origin = "Adopted"
)

// ClaimState says whether a binding has its claim.
// +kubebuilder:validation:Enum=Held;Released
type ClaimState string

const (
	// ClaimHeld means that the binding has its claim: the operator gave it the role, or adopted it.
	ClaimHeld ClaimState = "Held"
	// ClaimReleased means that the binding had a claim and has it no more.
	ClaimReleased ClaimState = "Released"
)

// ScopedTokenBindingSpec declares one role of one token on one target.
// +kubebuilder:validation:XValidation:rule="self.connectionRef == oldSelf.connectionRef",message="spec.connectionRef cannot be changed; delete the binding and make another"
// +kubebuilder:validation:XValidation:rule="!(self.token.scope == 'Workspace') || self.target.kind == 'Deployment'",message="a Workspace token can be given roles on Deployments only; set spec.target.kind to Deployment"
// +kubebuilder:validation:XValidation:rule="self.target.kind == 'Deployment' || has(self.role)",message="spec.role is required for a Workspace: WORKSPACE_ACCESSOR, WORKSPACE_MEMBER, WORKSPACE_AUTHOR, WORKSPACE_OPERATOR or WORKSPACE_OWNER"
// +kubebuilder:validation:XValidation:rule="self.target.kind == 'Deployment' || !has(self.role) || self.role in ['WORKSPACE_ACCESSOR', 'WORKSPACE_MEMBER', 'WORKSPACE_AUTHOR', 'WORKSPACE_OPERATOR', 'WORKSPACE_OWNER']",message="spec.role on a Workspace must be one of WORKSPACE_ACCESSOR, WORKSPACE_MEMBER, WORKSPACE_AUTHOR, WORKSPACE_OPERATOR, WORKSPACE_OWNER"
// +kubebuilder:validation:XValidation:rule="self.target.kind == 'Workspace' || !has(self.role) || !(self.role.startsWith('WORKSPACE_') || self.role.startsWith('ORGANIZATION_'))",message="spec.role on a Deployment must be DEPLOYMENT_ADMIN or the name of a custom Deployment role"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.role) || has(self.role)",message="spec.role may be changed but not taken out, which would silently mean DEPLOYMENT_ADMIN; write the role that is wanted"
// +kubebuilder:validation:XValidation:rule="size(dyn(self)) == 6 + (has(self.role) ? 1 : 0) + (has(self.deletionPolicy) ? 1 : 0) + (has(self.expiresAt) ? 1 : 0)",message="spec.role, spec.deletionPolicy or spec.expiresAt has nothing behind it, which is not taken for DEPLOYMENT_ADMIN, for what the connection says, or for no end; write the value that is wanted, or take the key out"
// +kubebuilder:validation:XValidation:rule="has(self.suspend)",message="spec.suspend has nothing behind it; write true or false, or take the key out for false"
type ScopedTokenBindingSpec struct {
	// connectionRef names the connection to the Astro Organization. It cannot be changed.
	// +required
	ConnectionRef ConnectionReference `json:"connectionRef,omitzero"`

	// token that is to hold the role. It cannot be changed, but for a name that is replaced by the id in status.token.id.
	// +required
	Token TokenReference `json:"token,omitzero"`

	// target on which the token is to hold the role. It cannot be changed, but for a name that is replaced by the id in
	// status.target.id.
	// +required
	Target TargetReference `json:"target,omitzero"`

	// role to hold. On a Workspace: WORKSPACE_ACCESSOR, WORKSPACE_MEMBER, WORKSPACE_AUTHOR, WORKSPACE_OPERATOR or
	// WORKSPACE_OWNER. On a Deployment: DEPLOYMENT_ADMIN, which is meant where none is given, or the exact name of a
	// custom role. Once written it may be changed but not taken out.
	// +optional
	// +nullable
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="!self.matches(r'[\\p{C}\\p{Zl}\\p{Zp}\\x{34F}\\x{115F}\\x{1160}\\x{17B4}\\x{17B5}\\x{2800}\\x{3164}\\x{FFA0}]')",message="spec.role must not hold a line break or another character that controls or cannot be seen; write it on one line, in quotes"
	Role string `json:"role,omitempty"`

	// mode is Enforce, to make Astro hold the role, or Observe, to say what would change and write nothing. Where the
	// connection's spec.mode is Observe, nothing is written either.
	// +optional
	// +nullable
	// +kubebuilder:default=Enforce
	Mode Mode `json:"mode,omitempty"`

	// adopt says what to do when the token already holds a role on the target: take it over Always, IfSameRole, or Never.
	// +optional
	// +nullable
	// +kubebuilder:default=Always
	Adopt AdoptPolicy `json:"adopt,omitempty"`

	// deletionPolicy says what becomes of the role in Astro when this object is deleted: Revoke or Retain it. Where none is
	// given, it is as the connection's spec.deletionPolicy says.
	// +optional
	// +nullable
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// expiresAt is when the role ends, such as 2030-01-31T12:00:00Z: it is revoked then, and this object stays. It has to be in
	// the future when the object is made. With a later time, or none, the role is given again.
	// +optional
	// +nullable
	// +kubebuilder:validation:Pattern=`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`
	// +kubebuilder:validation:Type=string
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`

	// suspend stops all work on this binding: its role is neither written nor removed until it is set to false again or
	// the binding is deleted.
	// +optional
	// +nullable
	// +kubebuilder:default=false
	Suspend bool `json:"suspend,omitempty"`
}

// ScopedTokenBinding gives one Organization or Workspace API token one role on one Workspace or Deployment.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=stb,categories=astro
// +kubebuilder:printcolumn:name="Token",type=string,JSONPath=`.status.token.name`
// +kubebuilder:printcolumn:name="Target",type=string,JSONPath=`.status.target.name`
// +kubebuilder:printcolumn:name="Role",type=string,JSONPath=`.status.role`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Token ID",type=string,priority=1,JSONPath=`.status.token.id`
// +kubebuilder:printcolumn:name="Description",type=string,priority=1,JSONPath=`.status.token.description`
// +kubebuilder:printcolumn:name="Scope",type=string,priority=1,JSONPath=`.status.token.scope`
// +kubebuilder:printcolumn:name="Created",type=date,priority=1,JSONPath=`.status.token.createdAt`
// +kubebuilder:printcolumn:name="Created By",type=string,priority=1,JSONPath=`.status.token.createdBy`
// +kubebuilder:printcolumn:name="Expires",type=string,priority=1,JSONPath=`.status.token.expiresAt`
// +kubebuilder:printcolumn:name="Until",type=string,priority=1,JSONPath=`.spec.expiresAt`
// +kubebuilder:selectablefield:JSONPath=`.spec.connectionRef.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.token.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.token.scope`
// +kubebuilder:selectablefield:JSONPath=`.spec.target.kind`
// +kubebuilder:selectablefield:JSONPath=`.spec.target.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.role`
// +kubebuilder:selectablefield:JSONPath=`.status.token.id`
// +kubebuilder:selectablefield:JSONPath=`.status.target.id`
// +kubebuilder:validation:XValidation:rule="self.spec.token == oldSelf.spec.token || (has(oldSelf.spec.token.name) && has(self.spec.token.id) && self.spec.token.scope == oldSelf.spec.token.scope && (!has(self.spec.token.workspaceId) || (has(oldSelf.spec.token.workspaceId) && self.spec.token.workspaceId == oldSelf.spec.token.workspaceId)) && has(oldSelf.status) && has(oldSelf.status.token) && has(oldSelf.status.token.id) && self.spec.token.id == oldSelf.status.token.id)",message="spec.token cannot be changed, but for its name replaced by the id in status.token.id; delete the binding and make another"
// +kubebuilder:validation:XValidation:rule="self.spec.target == oldSelf.spec.target || (has(oldSelf.spec.target.name) && has(self.spec.target.id) && self.spec.target.kind == oldSelf.spec.target.kind && (!has(self.spec.target.workspaceId) || (has(oldSelf.spec.target.workspaceId) && self.spec.target.workspaceId == oldSelf.spec.target.workspaceId)) && has(oldSelf.status) && has(oldSelf.status.target) && has(oldSelf.status.target.id) && self.spec.target.id == oldSelf.status.target.id)",message="spec.target cannot be changed, but for its name replaced by the id in status.target.id; delete the binding and make another"
type ScopedTokenBinding struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what is declared.
	// +required
	Spec ScopedTokenBindingSpec `json:"spec,omitzero"`

	// status is what the operator found and did.
	// +optional
	// +kubebuilder:default:={"observedGeneration":-1}
	Status ScopedTokenBindingStatus `json:"status,omitzero"`
}

// ScopedTokenBindingList is a list of bindings.
// +kubebuilder:object:root=true
type ScopedTokenBindingList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the bindings.
	Items []ScopedTokenBinding `json:"items"`
}
