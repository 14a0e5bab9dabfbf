package manifests

import (
	"cmp"
	"fmt"
	"strings"

	structuralobjectmeta "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// checkMetadata says what the API server would have against the metadata. The name may be left to the API server, and the
// namespace to whoever applies the document.
func (d *Document) checkMetadata() error {
	all := structuralobjectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true}
	found, _, unknown, err := structuralobjectmeta.GetObjectMetaWithOptions(d.Object.Object, all)
	switch {
	case err != nil:
		return fmt.Errorf("metadata: %w", err)
	case len(unknown) > 0:
		return fmt.Errorf("there is no field %s", strings.Join(unknown, ", "))
	case found == nil:
		found = &metav1.ObjectMeta{}
	}
	if found.GenerateName != "" {
		found.Name = cmp.Or(found.Name, "made-by-the-server")
	}
	validName, namespaced := validation.NameIsDNSSubdomain, true
	switch d.Kind() {
	case KindNamespace:
		validName, namespaced = validation.ValidateNamespaceName, false
	case KindClusterConnection:
		found.Namespace, namespaced = "", false // as the API server has it
	default:
		found.Namespace = cmp.Or(found.Namespace, metav1.NamespaceDefault)
	}
	return validation.ValidateObjectMeta(found, namespaced, validName, field.NewPath("metadata")).ToAggregate()
}
