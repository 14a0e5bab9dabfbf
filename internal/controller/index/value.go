package index

import (
	"strings"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// ConnectionValue spells a connection as Kind/namespace/name, as an object of the namespace refers to it. A
// ClusterAstroConnection has no namespace, and a reference without a kind means an AstroConnection.
func ConnectionValue(namespace string, ref v1alpha1.ConnectionReference) string {
	if ref.Kind == v1alpha1.KindClusterAstroConnection {
		return strings.Join([]string{string(ref.Kind), "", ref.Name}, "/")
	}
	return strings.Join([]string{string(v1alpha1.KindAstroConnection), namespace, ref.Name}, "/")
}

// TargetValue spells a target as Kind/id. It is "" while the id is not known.
func TargetValue(kind v1alpha1.TargetKind, id string) string {
	if id == "" {
		return ""
	}
	return string(kind) + "/" + id
}
