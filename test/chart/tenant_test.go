package chart

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// astro is a simulated one with an Organization, a Workspace, and a token "ci".
type astro struct {
	*astrosim.Sim

	org, workspace, ci string
}

func newAstro(t *testing.T) *astro {
	t.Helper()
	a := &astro{Sim: astrosim.Serve(t, astrosim.Options{})}
	a.org = a.AddOrganization("Acme")
	a.workspace = a.AddWorkspace(a.org, "data")
	a.ci = a.AddOrganizationToken(a.org, "ci", "ORGANIZATION_MEMBER")
	return a
}

// owner is the id of a new token that a connection may work with.
func (a *astro) owner(name string) string {
	return a.AddOrganizationToken(a.org, name, "ORGANIZATION_OWNER")
}

// tenant is a namespace, or the operator's own with its ClusterAstroConnection, and what is in it.
type tenant struct {
	t         *testing.T
	astro     *astro
	namespace string
}

func (n *tenant) create(objects ...client.Object) {
	n.t.Helper()
	for _, o := range objects {
		if err := kube.Create(n.t.Context(), o); err != nil {
			n.t.Fatal(err)
		}
	}
}

// connect makes an AstroConnection with a Secret of its own.
func (n *tenant) connect(name string, sweep time.Duration) {
	n.t.Helper()
	n.create(
		builders.Secret(n.namespace, name, n.astro.Credential(n.astro.owner(n.namespace+"-"+name))),
		n.connection(name, sweep).In(n.namespace).Object(),
	)
}

func (n *tenant) connection(name string, sweep time.Duration) *builders.ConnectionBuilder {
	return builders.Connection(name).To(n.astro.URL(), n.astro.org).WithSecret(name).SweepEvery(sweep)
}

// replaceSecret puts another credential into a Secret.
func (n *tenant) replaceSecret(name, credential string) {
	n.t.Helper()
	if err := kube.Update(n.t.Context(), builders.Secret(n.namespace, name, credential)); err != nil {
		n.t.Fatal(err)
	}
}

// bind gives a new token of the name a role on the Workspace.
func (n *tenant) bind(name string, through func(*builders.BindingBuilder) *builders.BindingBuilder) {
	n.t.Helper()
	id := n.astro.AddOrganizationToken(n.astro.org, n.namespace+"-"+name, "ORGANIZATION_MEMBER")
	n.create(through(builders.Binding(name).In(n.namespace)).ForTokenID(id).OnWorkspace(n.astro.workspace).WithRole("WORKSPACE_MEMBER").Object())
}

func through(connection string) func(*builders.BindingBuilder) *builders.BindingBuilder {
	return func(b *builders.BindingBuilder) *builders.BindingBuilder { return b.Through(connection) }
}

func throughCluster(connection string) func(*builders.BindingBuilder) *builders.BindingBuilder {
	return func(b *builders.BindingBuilder) *builders.BindingBuilder { return b.ThroughCluster(connection) }
}

// expect waits until an object is Ready, or not, as the status and reason say. It returns the message.
func (n *tenant) expect(o client.Object, name, want string) string {
	n.t.Helper()
	var message string
	eventually(n.t, name+" in "+n.namespace, func() string {
		if err := kube.Get(n.t.Context(), client.ObjectKey{Namespace: n.namespace, Name: name}, o); err != nil {
			return err.Error()
		}
		ready := meta.FindStatusCondition(conditions(o), v1alpha1.ConditionReady)
		if ready == nil {
			return "no condition, want " + want
		}
		message = ready.Message
		if got := string(ready.Status) + "/" + ready.Reason; got != want {
			return "want " + want + ", got " + got + ": " + message
		}
		return ""
	})
	return message
}

func conditions(o client.Object) []metav1.Condition {
	switch o := o.(type) {
	case v1alpha1.Connection:
		return o.ConnectionStatus().Conditions
	case *v1alpha1.ScopedTokenBinding:
		return o.Status.Conditions
	case *v1alpha1.TargetInventory:
		return o.Status.Conditions
	default:
		return nil
	}
}

// worksWith waits until a connection works with the token.
func (n *tenant) worksWith(connection, token string) {
	n.t.Helper()
	eventually(n.t, connection+" takes the new credential", func() string {
		var c v1alpha1.AstroConnection
		if err := kube.Get(n.t.Context(), client.ObjectKey{Namespace: n.namespace, Name: connection}, &c); err != nil {
			return err.Error()
		}
		if c.Status.CredentialTokenID != token {
			return "it works with " + c.Status.CredentialTokenID
		}
		return ""
	})
}

// role is what the token of a binding holds on the Workspace.
func (n *tenant) role(binding string) string {
	n.t.Helper()
	return n.astro.RoleOn(n.token(binding), "WORKSPACE", n.astro.workspace)
}

// token is the id of the token that was made for a binding.
func (n *tenant) token(binding string) string {
	n.t.Helper()
	for _, token := range n.astro.Tokens(n.astro.org) {
		if token.Name == n.namespace+"-"+binding {
			return token.ID
		}
	}
	return ""
}

// leave deletes everything, bindings first, and waits until it is gone.
func (n *tenant) leave() {
	n.t.Helper()
	for _, o := range []client.Object{&v1alpha1.ScopedTokenBinding{}, &v1alpha1.TargetInventory{}, &v1alpha1.AstroConnection{}, &corev1.Secret{}} {
		if err := kube.DeleteAllOf(n.t.Context(), o, client.InNamespace(n.namespace)); err != nil {
			n.t.Fatal(err)
		}
	}
	for _, list := range []client.ObjectList{&v1alpha1.ScopedTokenBindingList{}, &v1alpha1.AstroConnectionList{}} {
		eventually(n.t, "everything in "+n.namespace+" is gone", func() string {
			if err := kube.List(n.t.Context(), list, client.InNamespace(n.namespace)); err != nil {
				return err.Error()
			}
			return not(0, meta.LenList(list))
		})
	}
}

// gone waits until an object is.
func gone(t *testing.T, o client.Object) {
	t.Helper()
	eventually(t, o.GetName()+" is gone", func() string {
		if err := kube.Get(t.Context(), client.ObjectKeyFromObject(o), o); !apierrors.IsNotFound(err) {
			return "it is there"
		}
		return ""
	})
}
