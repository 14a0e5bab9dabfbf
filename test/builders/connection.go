package builders

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

const (
	// ConnectionName is the name of the connection that bindings refer to unless told otherwise.
	ConnectionName = "acme"
	// SecretName is the name of the Secret that connections refer to unless told otherwise, under the key "token".
	SecretName = "astro-api"
)

// ConnectionBuilder makes a connection of either kind. Every method changes the builder and returns it.
type ConnectionBuilder struct {
	meta metav1.ObjectMeta
	spec v1alpha1.ConnectionSpec
}

// Connection starts a connection that sweeps every five minutes.
func Connection(name string) *ConnectionBuilder {
	return &ConnectionBuilder{
		meta: metav1.ObjectMeta{Name: name},
		spec: v1alpha1.ConnectionSpec{
			CredentialsSecretRef: v1alpha1.SecretKeyReference{Name: SecretName, Key: "token"},
			SweepInterval:        metav1.Duration{Duration: 5 * time.Minute},
		},
	}
}

// Object is an AstroConnection as built so far.
func (c *ConnectionBuilder) Object() *v1alpha1.AstroConnection {
	return &v1alpha1.AstroConnection{ObjectMeta: *c.meta.DeepCopy(), Spec: *c.spec.DeepCopy()}
}

// Cluster is a ClusterAstroConnection as built so far.
func (c *ConnectionBuilder) Cluster() *v1alpha1.ClusterAstroConnection {
	return &v1alpha1.ClusterAstroConnection{ObjectMeta: *c.meta.DeepCopy(), Spec: *c.spec.DeepCopy()}
}

// In puts an AstroConnection into a namespace.
func (c *ConnectionBuilder) In(namespace string) *ConnectionBuilder {
	c.meta.Namespace = namespace
	return c
}

// Labelled sets a label.
func (c *ConnectionBuilder) Labelled(key, value string) *ConnectionBuilder {
	metav1.SetMetaDataLabel(&c.meta, key, value)
	return c
}

// To says where Astro is, and which Organization is meant.
func (c *ConnectionBuilder) To(url, organization string) *ConnectionBuilder {
	c.spec.APIURL, c.spec.OrganizationID = url, v1alpha1.AstroID(organization)
	return c
}

// WithSecret names the Secret of the credential.
func (c *ConnectionBuilder) WithSecret(name string) *ConnectionBuilder {
	c.spec.CredentialsSecretRef.Name = name
	return c
}

// SweepEvery sets the interval of sweeps.
func (c *ConnectionBuilder) SweepEvery(d time.Duration) *ConnectionBuilder {
	c.spec.SweepInterval.Duration = d
	return c
}

// RateLimit sets the calls a second.
func (c *ConnectionBuilder) RateLimit(reads, writes int32) *ConnectionBuilder {
	c.spec.RateLimit = v1alpha1.RateLimit{ReadsPerSecond: reads, WritesPerSecond: writes}
	return c
}

// Allow adds rules.
func (c *ConnectionBuilder) Allow(rules ...v1alpha1.AllowRule) *ConnectionBuilder {
	c.spec.Allow = append(c.spec.Allow, rules...)
	return c
}

// DropDangling lets the operator drop roles whose target is gone and that keep Astro from taking any other.
func (c *ConnectionBuilder) DropDangling() *ConnectionBuilder {
	c.spec.DanglingRoles = v1alpha1.DanglingDrop
	return c
}

// AllowAll is a rule that allows the namespaces everything, inventories included.
func AllowAll(namespaces ...string) v1alpha1.AllowRule {
	return v1alpha1.AllowRule{
		Namespaces: v1alpha1.NamespaceRule{Names: namespaces},
		Tokens: []v1alpha1.TokenRule{
			{Scope: v1alpha1.ScopeOrganization, IDs: []string{"*"}}, {Scope: v1alpha1.ScopeWorkspace, IDs: []string{"*"}},
		},
		Targets:   []v1alpha1.TargetRule{{WorkspaceIDs: []string{"*"}}},
		Roles:     []string{"*"},
		Inventory: true,
	}
}

// Secret makes a Secret with a credential under the key that connections look for.
func Secret(namespace, name, credential string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		StringData: map[string]string{"token": credential},
	}
}
