package builders

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// BindingBuilder makes a ScopedTokenBinding. Every method changes the builder and returns it.
type BindingBuilder struct{ object *v1alpha1.ScopedTokenBinding }

// Binding starts a binding through the AstroConnection "acme".
func Binding(name string) *BindingBuilder {
	return &BindingBuilder{object: &v1alpha1.ScopedTokenBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1alpha1.ScopedTokenBindingSpec{ConnectionRef: v1alpha1.ConnectionReference{Name: ConnectionName}},
	}}
}

// Object is the binding as built so far, a copy of its own.
func (b *BindingBuilder) Object() *v1alpha1.ScopedTokenBinding { return b.object.DeepCopy() }

// In puts the binding into a namespace.
func (b *BindingBuilder) In(namespace string) *BindingBuilder {
	b.object.Namespace = namespace
	return b
}

// Through names the AstroConnection of the namespace.
func (b *BindingBuilder) Through(connection string) *BindingBuilder {
	b.object.Spec.ConnectionRef = v1alpha1.ConnectionReference{Kind: v1alpha1.KindAstroConnection, Name: connection}
	return b
}

// ThroughCluster names a ClusterAstroConnection.
func (b *BindingBuilder) ThroughCluster(connection string) *BindingBuilder {
	b.object.Spec.ConnectionRef = v1alpha1.ConnectionReference{Kind: v1alpha1.KindClusterAstroConnection, Name: connection}
	return b
}

// ForToken names an Organization token.
func (b *BindingBuilder) ForToken(name string) *BindingBuilder {
	b.object.Spec.Token = v1alpha1.TokenReference{Scope: v1alpha1.ScopeOrganization, Name: name}
	return b
}

// ForTokenID gives the id of an Organization token.
func (b *BindingBuilder) ForTokenID(id string) *BindingBuilder {
	b.object.Spec.Token = v1alpha1.TokenReference{Scope: v1alpha1.ScopeOrganization, ID: v1alpha1.AstroID(id)}
	return b
}

// ForWorkspaceToken names a token that was made in a Workspace.
func (b *BindingBuilder) ForWorkspaceToken(home, name string) *BindingBuilder {
	b.object.Spec.Token = v1alpha1.TokenReference{Scope: v1alpha1.ScopeWorkspace, WorkspaceID: v1alpha1.AstroID(home), Name: name}
	return b
}

// ForWorkspaceTokenID gives the id of a token that was made in a Workspace.
func (b *BindingBuilder) ForWorkspaceTokenID(id string) *BindingBuilder {
	b.object.Spec.Token = v1alpha1.TokenReference{Scope: v1alpha1.ScopeWorkspace, ID: v1alpha1.AstroID(id)}
	return b
}

// OnWorkspace gives the id of a Workspace.
func (b *BindingBuilder) OnWorkspace(id string) *BindingBuilder {
	b.object.Spec.Target = v1alpha1.TargetReference{Kind: v1alpha1.TargetWorkspace, ID: v1alpha1.AstroID(id)}
	return b
}

// OnWorkspaceNamed names a Workspace.
func (b *BindingBuilder) OnWorkspaceNamed(name string) *BindingBuilder {
	b.object.Spec.Target = v1alpha1.TargetReference{Kind: v1alpha1.TargetWorkspace, Name: name}
	return b
}

// OnDeployment gives the id of a Deployment.
func (b *BindingBuilder) OnDeployment(id string) *BindingBuilder {
	b.object.Spec.Target = v1alpha1.TargetReference{Kind: v1alpha1.TargetDeployment, ID: v1alpha1.AstroID(id)}
	return b
}

// OnDeploymentNamed names a Deployment of a Workspace.
func (b *BindingBuilder) OnDeploymentNamed(workspace, name string) *BindingBuilder {
	b.object.Spec.Target = v1alpha1.TargetReference{
		Kind: v1alpha1.TargetDeployment, Name: name, WorkspaceID: v1alpha1.AstroID(workspace),
	}
	return b
}

// WithRole asks for a role; left out, a Deployment gets DEPLOYMENT_ADMIN.
func (b *BindingBuilder) WithRole(role string) *BindingBuilder {
	b.object.Spec.Role = role
	return b
}

// Observe makes the binding look only.
func (b *BindingBuilder) Observe() *BindingBuilder {
	b.object.Spec.Mode = v1alpha1.ModeObserve
	return b
}

// Suspended stops work on the binding.
func (b *BindingBuilder) Suspended() *BindingBuilder {
	b.object.Spec.Suspend = true
	return b
}

// Adopt says what to do with a role that is there already.
func (b *BindingBuilder) Adopt(policy v1alpha1.AdoptPolicy) *BindingBuilder {
	b.object.Spec.Adopt = policy
	return b
}

// Until sets when the binding expires.
func (b *BindingBuilder) Until(at time.Time) *BindingBuilder {
	b.object.Spec.ExpiresAt = new(metav1.NewTime(at))
	return b
}

// Revoke has the role revoked when the binding is deleted, whatever its connection says.
func (b *BindingBuilder) Revoke() *BindingBuilder {
	b.object.Spec.DeletionPolicy = v1alpha1.DeletionRevoke
	return b
}

// Retain leaves the role in Astro when the binding is deleted.
func (b *BindingBuilder) Retain() *BindingBuilder {
	b.object.Spec.DeletionPolicy = v1alpha1.DeletionRetain
	return b
}

// Annotated sets an annotation.
func (b *BindingBuilder) Annotated(key, value string) *BindingBuilder {
	metav1.SetMetaDataAnnotation(&b.object.ObjectMeta, key, value)
	return b
}
