package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	// GroupVersion is the group and version of every kind in this package.
	GroupVersion = schema.GroupVersion{Group: "astro.scopedtoken.dev", Version: "v1alpha1"}

	// SchemeBuilder collects the functions that register the kinds.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme registers the kinds with a scheme.
	AddToScheme = SchemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&ScopedTokenBinding{}, &ScopedTokenBindingList{},
		&AstroConnection{}, &AstroConnectionList{},
		&ClusterAstroConnection{}, &ClusterAstroConnectionList{},
		&TargetInventory{}, &TargetInventoryList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
