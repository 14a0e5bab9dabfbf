package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// NamespaceRule says to which namespaces a rule speaks, by names or by labels.
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="has(self.names) != has(self.selector)",message="give exactly one of names and selector"
// +kubebuilder:validation:XValidation:rule="!has(self.selector) || (has(self.selector.matchLabels) && size(self.selector.matchLabels) > 0) || (has(self.selector.matchExpressions) && size(self.selector.matchExpressions) > 0)",message="an empty selector would mean every namespace; write names: [\"*\"] if that is meant"
// +kubebuilder:validation:XValidation:rule="size(dyn(self)) == (has(self.names) ? 1 : 0) + (has(self.selector) ? 1 : 0)",message="names or selector has nothing behind it; write the namespaces or their labels, or take the key out"
type NamespaceRule struct {
	// names of namespaces; "*" stands for every namespace.
	// +optional
	// +nullable
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:Pattern=`^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$`
	Names []string `json:"names,omitempty"`

	// selector of namespaces by their labels. It must not be empty. Whoever may label a namespace can bring it under
	// the rule, so names are to be preferred.
	// +optional
	// +nullable
	// +kubebuilder:validation:XValidation:rule="size(dyn(self)) == (has(self.matchLabels) ? 1 : 0) + (has(self.matchExpressions) ? 1 : 0) && (!has(self.matchLabels) || self.matchLabels.all(k, dyn(self.matchLabels[k]) != null))",message="a selector has a key with nothing behind it, without which it would select more; write the value, or take the key out"
	// +kubebuilder:validation:XValidation:rule="!has(self.matchExpressions) || self.matchExpressions.all(e, e.operator in ['In', 'NotIn'] ? has(e.values) && size(e.values) > 0 : e.operator in ['Exists', 'DoesNotExist'] && !has(e.values))",message="an operator of matchExpressions is In or NotIn, with values, or Exists or DoesNotExist, without"
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

// TokenRule says of which tokens a rule speaks. All that is given must match.
// +kubebuilder:validation:XValidation:rule="has(self.ids) || has(self.namePrefixes) || has(self.workspaceIds)",message="give at least one of ids, namePrefixes and workspaceIds; ids: [\"*\"] stands for every token of the scope"
// +kubebuilder:validation:XValidation:rule="self.scope == 'Workspace' || !has(self.workspaceIds)",message="workspaceIds is for Workspace tokens only"
// +kubebuilder:validation:XValidation:rule="size(dyn(self)) == 1 + (has(self.ids) ? 1 : 0) + (has(self.namePrefixes) ? 1 : 0) + (has(self.workspaceIds) ? 1 : 0)",message="ids, namePrefixes or workspaceIds has nothing behind it, which would widen the rule; write what the rule is limited to, or take the key out"
type TokenRule struct {
	// scope of the tokens.
	// +required
	Scope Scope `json:"scope,omitempty"`

	// ids of tokens; "*" stands for every token of the scope.
	// +optional
	// +nullable
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:Pattern=`^(\*|c[a-z0-9]{24,})$`
	// +kubebuilder:validation:items:MaxLength=64
	IDs []string `json:"ids,omitempty"`

	// namePrefixes of tokens, compared with the name a token has in Astro now; "*" stands for every name. There are no patterns:
	// "ci-" is a prefix, and in "ci-*" the "*" is a character of the name.
	// +optional
	// +nullable
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	// +kubebuilder:validation:items:Pattern=`^[^\p{C}\p{Zl}\p{Zp}\x{34F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{2800}\x{3164}\x{FFA0}]+$`
	NamePrefixes []string `json:"namePrefixes,omitempty"`

	// workspaceIds are home Workspaces of Workspace tokens; "*" stands for every Workspace.
	// +optional
	// +nullable
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:Pattern=`^(\*|c[a-z0-9]{24,})$`
	// +kubebuilder:validation:items:MaxLength=64
	WorkspaceIDs []string `json:"workspaceIds,omitempty"`
}

// TargetRule says of which targets a rule speaks: Workspaces with all their Deployments, or single Deployments.
// +kubebuilder:validation:XValidation:rule="has(self.workspaceIds) != has(self.deploymentIds)",message="give exactly one of workspaceIds and deploymentIds"
// +kubebuilder:validation:XValidation:rule="size(dyn(self)) == (has(self.workspaceIds) ? 1 : 0) + (has(self.deploymentIds) ? 1 : 0)",message="workspaceIds or deploymentIds has nothing behind it; write the ids, or take the key out"
type TargetRule struct {
	// workspaceIds are Workspaces, each with all its Deployments; "*" stands for every Workspace and Deployment.
	// +optional
	// +nullable
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:Pattern=`^(\*|c[a-z0-9]{24,})$`
	// +kubebuilder:validation:items:MaxLength=64
	WorkspaceIDs []string `json:"workspaceIds,omitempty"`

	// deploymentIds are single Deployments; "*" stands for every Deployment.
	// +optional
	// +nullable
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:Pattern=`^(\*|c[a-z0-9]{24,})$`
	// +kubebuilder:validation:items:MaxLength=64
	DeploymentIDs []string `json:"deploymentIds,omitempty"`
}

// AllowRule allows bindings of some namespaces some roles of some tokens on some targets. Namespaces, token, target and
// role must all match; one rule that matches is enough.
type AllowRule struct {
	// namespaces to which the rule speaks.
	// +required
	Namespaces NamespaceRule `json:"namespaces,omitzero"`

	// tokens of which the rule speaks; one that matches is enough.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Tokens []TokenRule `json:"tokens,omitempty"`

	// targets of which the rule speaks; one that matches is enough.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Targets []TargetRule `json:"targets,omitempty"`

	// roles that may be given, by their exact names; "*" stands for every role. There are no patterns: a "*" in a name is refused.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	// +kubebuilder:validation:items:Pattern=`^(\*|[^*\p{C}\p{Zl}\p{Zp}\x{34F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{2800}\x{3164}\x{FFA0}]+)$`
	Roles []string `json:"roles,omitempty"`

	// inventory allows the namespaces a TargetInventory of the targets, which shows the names of every token there, and
	// of the bindings of every namespace that work through this connection.
	// +optional
	Inventory bool `json:"inventory,omitempty"`

	// removeUndeclared allows the namespaces a TargetInventory of the targets with undeclared: Remove, which takes away the
	// roles of the rule that its tokens hold there and that no binding declares, once somebody has confirmed them. The
	// inventory itself needs inventory: true as well, in this rule or another.
	// +optional
	RemoveUndeclared bool `json:"removeUndeclared,omitempty"`
}
