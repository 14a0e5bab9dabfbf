package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// BoundToken is what Astro says of the token of a binding.
type BoundToken struct {
	// id of the token, pinned once found.
	// +optional
	ID string `json:"id,omitempty"`

	// name of the token in Astro; while it is not found, the name the binding gives.
	// +optional
	Name string `json:"name,omitempty"`

	// description of the token.
	// +optional
	Description string `json:"description,omitempty"`

	// scope of the token.
	// +optional
	Scope Scope `json:"scope,omitempty"`

	// createdAt is when the token was made.
	// +optional
	// +kubebuilder:validation:Pattern=`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`
	// +kubebuilder:validation:Type=string
	CreatedAt *metav1.Time `json:"createdAt,omitempty"`

	// createdBy is who made the token.
	// +optional
	CreatedBy string `json:"createdBy,omitempty"`

	// expiresAt is when the token expires; absent if it never does.
	// +optional
	// +kubebuilder:validation:Pattern=`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`
	// +kubebuilder:validation:Type=string
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`
}

// BoundTarget is what Astro says of the target of a binding.
type BoundTarget struct {
	// kind of the target.
	// +optional
	Kind TargetKind `json:"kind,omitempty"`

	// id of the target, pinned once found.
	// +optional
	ID string `json:"id,omitempty"`

	// name of the target in Astro; while it is not found, the name the binding gives.
	// +optional
	Name string `json:"name,omitempty"`

	// workspaceId is the id of the Workspace of a Deployment.
	// +optional
	WorkspaceID string `json:"workspaceId,omitempty"`
}

// Claim says that the operator has taken the binding's claim on (organizationId, token.id, target.id). Which role Astro
// holds, and how it came there, is said beside it, in role, origin and previousRole.
type Claim struct {
	// uid of the object that has the claim. In the status of any other object, a copy or one that was restored, it is no
	// claim: the ids beside it only say which token and target the binding stands for.
	// +required
	UID types.UID `json:"uid,omitempty"`

	// state is Held, or Released once the claim was given up.
	// +required
	State ClaimState `json:"state,omitempty"`

	// claimedAt is when the claim was taken, in the order of the operator's own making. Of claims on one target the
	// earliest wins.
	// +required
	// +kubebuilder:validation:Pattern=`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`
	// +kubebuilder:validation:Type=string
	ClaimedAt metav1.MicroTime `json:"claimedAt,omitzero"`

	// host of Astro's API, with its port if it has one.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Host string `json:"host,omitempty"`

	// grantedRole is the role that was last in place under this claim. Where it is the spec's and Astro holds another one or
	// none, somebody else has changed it.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	GrantedRole string `json:"grantedRole,omitempty"`
}

// ScopedTokenBindingStatus is what the operator found and did.
type ScopedTokenBindingStatus struct {
	// observedGeneration is the generation of the spec that this status speaks of; -1 until the operator has looked.
	// +optional
	// +kubebuilder:default=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// organizationId is the id of the Organization that holds token and target.
	// +optional
	OrganizationID string `json:"organizationId,omitempty"`

	// token as Astro shows it.
	// +optional
	Token BoundToken `json:"token,omitzero"`

	// target as Astro shows it.
	// +optional
	Target BoundTarget `json:"target,omitzero"`

	// role that the token holds on the target in Astro; empty if it holds none or nobody could look.
	// +optional
	Role string `json:"role,omitempty"`

	// origin says whether the role was Created by the operator or Adopted, as found.
	// +optional
	Origin Origin `json:"origin,omitempty"`

	// previousRole is the role that the token held on the target when it was adopted.
	// +optional
	PreviousRole string `json:"previousRole,omitempty"`

	// claim is the operator's own record of the claim that this object has taken; absent if it never took one.
	// +optional
	Claim *Claim `json:"claim,omitempty"`

	// deletionPolicy is what holds when this object is deleted: the one of the spec, or, where it names none, of the
	// connection. If the connection is gone, what stands here holds.
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// plannedChange is what the operator would do if mode were Enforce, here and on the connection: "add ROLE",
	// "change ROLE to ROLE", "remove ROLE", or empty.
	// +optional
	PlannedChange string `json:"plannedChange,omitempty"`

	// lastHandledReconcileAt is the value of the annotation astro.scopedtoken.dev/requestedAt that was last acted on.
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`

	// conditions are Accepted, Resolved, Synced and Ready; Reconciling, Stalled or Warning are there only while true.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="self.all(c, c.lastTransitionTime <= timestamp('9999-12-31T23:59:59Z'))",message="lastTransitionTime of a condition must be a time of RFC 3339, such as 2026-01-31T12:00:00Z"
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}
