package connection

import (
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/index"
)

// Key names one connection of either kind. The namespace of a ClusterAstroConnection is empty.
type Key struct {
	Kind      v1alpha1.ConnectionKind
	Namespace string
	Name      string
}

// KeyFor is the connection that a reference of an object in the namespace names.
func KeyFor(namespace string, ref v1alpha1.ConnectionReference) Key {
	if ref.Kind == v1alpha1.KindClusterAstroConnection {
		return Key{Kind: ref.Kind, Name: ref.Name}
	}
	return Key{Kind: v1alpha1.KindAstroConnection, Namespace: namespace, Name: ref.Name}
}

// KeyOf is the key of the connection.
func KeyOf(c v1alpha1.Connection) Key {
	return Key{Kind: c.ConnectionKind(), Namespace: c.GetNamespace(), Name: c.GetName()}
}

// String spells the key as Kind/namespace/name, which is also its value in index.BindingConnection.
func (k Key) String() string {
	return index.ConnectionValue(k.Namespace, v1alpha1.ConnectionReference{Kind: k.Kind, Name: k.Name})
}

// Words spells the key for a reader: the kind, and the name with the namespace if there is one.
func (k Key) Words() string {
	return string(k.Kind) + " " + strings.TrimPrefix(k.Namespace+"/"+k.Name, "/")
}

func (k Key) object() client.ObjectKey {
	return client.ObjectKey{Namespace: k.Namespace, Name: k.Name}
}
