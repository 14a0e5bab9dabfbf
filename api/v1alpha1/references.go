package v1alpha1

// Scope says where an API token was made.
// +kubebuilder:validation:Enum=Organization;Workspace
type Scope string

const (
	// ScopeOrganization is the scope of a token made in an Organization.
	ScopeOrganization Scope = "Organization"
	// ScopeWorkspace is the scope of a token made in a Workspace.
	ScopeWorkspace Scope = "Workspace"
)

// TargetKind is the kind of entity on which a token holds a role.
// +kubebuilder:validation:Enum=Workspace;Deployment
type TargetKind string

const (
	// TargetWorkspace is an Astro Workspace.
	TargetWorkspace TargetKind = "Workspace"
	// TargetDeployment is an Astro Deployment.
	TargetDeployment TargetKind = "Deployment"
)

// AstroID is an identifier as Astro makes them: a cuid of 25 characters or more.
// +kubebuilder:validation:Pattern=`^c[a-z0-9]{24,}$`
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=64
type AstroID string

// ConnectionKind is the kind of connection that a reference names.
// +kubebuilder:validation:Enum=AstroConnection;ClusterAstroConnection
type ConnectionKind string

const (
	// KindAstroConnection names an AstroConnection in the namespace of the object that refers to it.
	KindAstroConnection ConnectionKind = "AstroConnection"
	// KindClusterAstroConnection names a ClusterAstroConnection.
	KindClusterAstroConnection ConnectionKind = "ClusterAstroConnection"
)

// ConnectionReference names the connection through which Astro is reached.
type ConnectionReference struct {
	// kind of the connection. An AstroConnection is looked for in the namespace of the object that refers to it.
	// +optional
	// +nullable
	// +kubebuilder:default=AstroConnection
	Kind ConnectionKind `json:"kind,omitempty"`

	// name of the connection.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name,omitempty"`
}

// TokenReference names one Organization or Workspace API token, by exactly one of name and id.
// +kubebuilder:validation:XValidation:rule="has(self.name) != has(self.id)",message="give exactly one of token.name and token.id"
// +kubebuilder:validation:XValidation:rule="!(self.scope == 'Workspace' && has(self.name)) || has(self.workspaceId)",message="a Workspace token given by name needs token.workspaceId, the id of its home Workspace"
// +kubebuilder:validation:XValidation:rule="self.scope == 'Workspace' || !has(self.workspaceId)",message="token.workspaceId is for Workspace tokens only; an Organization token has no home Workspace"
// +kubebuilder:validation:XValidation:rule="size(dyn(self)) == 1 + (has(self.name) ? 1 : 0) + (has(self.id) ? 1 : 0) + (has(self.workspaceId) ? 1 : 0)",message="token.name, token.id or token.workspaceId has nothing behind it; write the value, or take the key out"
type TokenReference struct {
	// scope says where the token was made: Organization or Workspace. It must be what Astro says of the token.
	// +required
	Scope Scope `json:"scope,omitempty"`

	// name of the token, exactly as Astro spells it. It must be the name of one token only; the id found is pinned in
	// status, so that a token that is renamed later keeps its roles.
	// +optional
	// +nullable
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="!self.matches(r'[\\p{C}\\p{Zl}\\p{Zp}\\x{34F}\\x{115F}\\x{1160}\\x{17B4}\\x{17B5}\\x{2800}\\x{3164}\\x{FFA0}]')",message="token.name must not hold a line break or another character that controls or cannot be seen; write it on one line, in quotes, or give the id"
	Name string `json:"name,omitempty"`

	// id of the token.
	// +optional
	// +nullable
	ID AstroID `json:"id,omitempty"`

	// workspaceId is the id of the Workspace in which a Workspace token was made. It is required where such a token is
	// given by name.
	// +optional
	// +nullable
	WorkspaceID AstroID `json:"workspaceId,omitempty"`
}

// TargetReference names one Workspace or Deployment, by exactly one of name and id.
// +kubebuilder:validation:XValidation:rule="has(self.name) != has(self.id)",message="give exactly one of target.name and target.id"
// +kubebuilder:validation:XValidation:rule="!(self.kind == 'Deployment' && has(self.name)) || has(self.workspaceId)",message="a Deployment given by name needs target.workspaceId, the id of its Workspace"
// +kubebuilder:validation:XValidation:rule="self.kind == 'Deployment' || !has(self.workspaceId)",message="target.workspaceId is for Deployments only; name a Workspace by target.id"
// +kubebuilder:validation:XValidation:rule="size(dyn(self)) == 1 + (has(self.name) ? 1 : 0) + (has(self.id) ? 1 : 0) + (has(self.workspaceId) ? 1 : 0)",message="target.name, target.id or target.workspaceId has nothing behind it; write the value, or take the key out"
type TargetReference struct {
	// kind of the target: Workspace or Deployment.
	// +required
	Kind TargetKind `json:"kind,omitempty"`

	// name of the target, exactly as Astro spells it. The id found is pinned in status.
	// +optional
	// +nullable
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="!self.matches(r'[\\p{C}\\p{Zl}\\p{Zp}\\x{34F}\\x{115F}\\x{1160}\\x{17B4}\\x{17B5}\\x{2800}\\x{3164}\\x{FFA0}]')",message="target.name must not hold a line break or another character that controls or cannot be seen; write it on one line, in quotes, or give the id"
	Name string `json:"name,omitempty"`

	// id of the target.
	// +optional
	// +nullable
	ID AstroID `json:"id,omitempty"`

	// workspaceId is the id of the Workspace in which a Deployment is. It is required where a Deployment is given by
	// name; given beside an id, the Deployment must be in that Workspace.
	// +optional
	// +nullable
	WorkspaceID AstroID `json:"workspaceId,omitempty"`
}
