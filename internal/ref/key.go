package ref

import (
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// Key names one connection of either kind. The namespace of a ClusterAstroConnection is empty.
type Key struct {
	Kind      v1alpha1.ConnectionKind
	Namespace string
	Name      string
}

// KeyFor is the connection that a reference of an object in the namespace names. A reference without a kind means an
// AstroConnection.
func KeyFor(namespace string, to v1alpha1.ConnectionReference) Key {
	if to.Kind == v1alpha1.KindClusterAstroConnection {
		return Key{Kind: to.Kind, Name: to.Name}
	}
	return Key{Kind: v1alpha1.KindAstroConnection, Namespace: namespace, Name: to.Name}
}

// KeyOf is the key of the connection.
func KeyOf(c v1alpha1.Connection) Key {
	return Key{Kind: c.ConnectionKind(), Namespace: c.GetNamespace(), Name: c.GetName()}
}

// String spells the key as Kind/namespace/name, which is also its value in the fields of package index.
func (k Key) String() string {
	return strings.Join([]string{string(k.Kind), k.Namespace, k.Name}, "/")
}

// Words spells the key for a reader: the kind, and the name with the namespace if there is one.
func (k Key) Words() string {
	return string(k.Kind) + " " + strings.TrimPrefix(k.Namespace+"/"+k.Name, "/")
}

// Object is the namespace and name of the connection.
func (k Key) Object() types.NamespacedName {
	return types.NamespacedName{Namespace: k.Namespace, Name: k.Name}
}
