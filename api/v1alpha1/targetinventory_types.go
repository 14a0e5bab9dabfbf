package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MaxInventoryTokens is how many tokens a TargetInventory lists; what is beyond is counted in status.remaining.
const MaxInventoryTokens = 200

// DeclaredByAnother stands in declaredBy for a binding of another namespace that the inventory may not name. It is no namespace/name, and
// not empty: the role is declared.
const DeclaredByAnother = "another namespace"

// UndeclaredPolicy says what becomes of a role on the target that no binding declares.
// +kubebuilder:validation:Enum=Report;Remove
type UndeclaredPolicy string

const (
	// UndeclaredReport counts such roles, and shows them.
	UndeclaredReport UndeclaredPolicy = "Report"
	// UndeclaredRemove takes them away, once they were listed in status.removals and somebody has confirmed them.
	UndeclaredRemove UndeclaredPolicy = "Remove"
)

// TargetInventorySpec names the target whose tokens are listed.
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="spec cannot be changed; make another TargetInventory"
type TargetInventorySpec struct {
	// connectionRef names the connection to the Astro Organization.
	// +required
	ConnectionRef ConnectionReference `json:"connectionRef,omitzero"`

	// target whose tokens are listed.
	// +required
	Target TargetReference `json:"target,omitzero"`

	// undeclared is Report, to show which roles on the target no binding declares, or Remove, to take them away as well: those
	// that a rule of the connection with removeUndeclared: true allows, once they have been listed in status.removals and the
	// annotation astro.scopedtoken.dev/confirm-undeclared says what status.confirm does.
	// +optional
	// +nullable
	// +kubebuilder:default=Report
	Undeclared UndeclaredPolicy `json:"undeclared,omitempty"`
}

// InventoryToken is one token with a role on the target, with the columns of the Astro CLI's list command.
type InventoryToken struct {
	// id of the token.
	// +required
	// +kubebuilder:validation:MinLength=1
	ID string `json:"id,omitempty"`

	// name of the token.
	// +optional
	Name string `json:"name,omitempty"`

	// description of the token.
	// +optional
	Description string `json:"description,omitempty"`

	// scope of the token: Organization or Workspace.
	// +optional
	Scope Scope `json:"scope,omitempty"`

	// role of the token on the target.
	// +optional
	Role string `json:"role,omitempty"`

	// createdAt is when the token was made.
	// +optional
	// +kubebuilder:validation:Pattern=`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`
	// +kubebuilder:validation:Type=string
	CreatedAt *metav1.Time `json:"createdAt,omitempty"`

	// createdBy is who made the token.
	// +optional
	CreatedBy string `json:"createdBy,omitempty"`

	// declaredBy is the binding that declares the role, as namespace/name; empty if no binding does. A binding of
	// another namespace is named if the rules of its own connection allow the inventory's namespace an inventory of the
	// target; else this is "another namespace".
	// +optional
	DeclaredBy string `json:"declaredBy,omitempty"`
}

// Removal is a role on the target that no binding declares, and that is to be removed.
type Removal struct {
	// id of the token.
	// +required
	// +kubebuilder:validation:MinLength=1
	ID string `json:"id,omitempty"`

	// name of the token.
	// +optional
	Name string `json:"name,omitempty"`

	// role of the token on the target.
	// +optional
	Role string `json:"role,omitempty"`

	// since is when the listing of tokens began that the operator knew when it first listed the removal.
	// +optional
	// +kubebuilder:validation:Pattern=`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`
	// +kubebuilder:validation:Type=string
	Since *metav1.Time `json:"since,omitempty"`
}

// TargetInventoryStatus lists the tokens with a role on the target.
type TargetInventoryStatus struct {
	// observedGeneration is the generation of the spec that this status speaks of; -1 until the operator has looked.
	// +optional
	// +kubebuilder:default=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// target as Astro shows it.
	// +optional
	Target BoundTarget `json:"target,omitzero"`

	// tokens with a role on the target, by name and then id, at most 200.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=200
	Tokens []InventoryToken `json:"tokens,omitempty"`

	// total is the number of tokens with a role on the target.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Total int32 `json:"total"`

	// remaining is the number of tokens beyond those listed.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Remaining int32 `json:"remaining"`

	// undeclared is the number of tokens whose role on the target no binding declares.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Undeclared int32 `json:"undeclared"`

	// removals are the roles that are to be removed where spec.undeclared is Remove, in the order of tokens. None of them is
	// removed before it was in a later listing as well, and somebody has confirmed it.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=200
	Removals []Removal `json:"removals,omitempty"`

	// confirm stands for the removals that were in a later listing as well: they are carried out once the annotation
	// astro.scopedtoken.dev/confirm-undeclared says the same. It is another one as soon as they are others.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Confirm string `json:"confirm,omitempty"`

	// conditions are Accepted, Resolved and Ready; Reconciling, Stalled and Warning are there only while true.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="self.all(c, c.lastTransitionTime <= timestamp('9999-12-31T23:59:59Z'))",message="lastTransitionTime of a condition must be a time of RFC 3339, such as 2026-01-31T12:00:00Z"
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// TargetInventory lists every Organization and Workspace API token that holds a role on one Workspace or Deployment.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=targetinventories,shortName=tinv,categories=astro
// +kubebuilder:printcolumn:name="Target",type=string,JSONPath=`.status.target.name`
// +kubebuilder:printcolumn:name="Kind",type=string,JSONPath=`.spec.target.kind`
// +kubebuilder:printcolumn:name="Tokens",type=integer,JSONPath=`.status.total`
// +kubebuilder:printcolumn:name="Undeclared",type=integer,JSONPath=`.status.undeclared`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Target ID",type=string,priority=1,JSONPath=`.status.target.id`
// +kubebuilder:printcolumn:name="Workspace ID",type=string,priority=1,JSONPath=`.status.target.workspaceId`
// +kubebuilder:printcolumn:name="Unlisted",type=integer,priority=1,JSONPath=`.status.remaining`
type TargetInventory struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec names the target.
	// +required
	Spec TargetInventorySpec `json:"spec,omitzero"`

	// status lists the tokens.
	// +optional
	// +kubebuilder:default:={"observedGeneration":-1}
	Status TargetInventoryStatus `json:"status,omitzero"`
}

// TargetInventoryList is a list of inventories.
// +kubebuilder:object:root=true
type TargetInventoryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the inventories.
	Items []TargetInventory `json:"items"`
}
