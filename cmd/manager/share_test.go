package main

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// TestShareWords finds the same words in two bindings in one place, and every binding as it was but for what nobody asks for.
func TestShareWords(t *testing.T) {
	made := func() *v1alpha1.ScopedTokenBinding {
		b := &v1alpha1.ScopedTokenBinding{}
		b.Namespace, b.Name, b.Finalizers = strings.Clone("data"), strings.Clone("b"), []string{strings.Clone("f")}
		b.Annotations = map[string]string{v1alpha1.AnnotationRelease: "true"}
		b.Spec.Role, b.Spec.Token.Name = strings.Clone("Deploy Only"), strings.Clone("ci")
		b.Status.Token.ID = strings.Clone("t1")
		b.Status.Conditions = []metav1.Condition{{Type: strings.Clone("Ready"), Message: strings.Clone("all is well")}}
		return b
	}
	var shared [2]*v1alpha1.ScopedTokenBinding
	for i := range shared {
		b := made()
		b.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}
		b.Annotations["example.com/note"] = "nobody asks for it"
		o, err := shareWords(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(made(), o); diff != "" {
			t.Errorf("the binding differs (-was +is):\n%s", diff)
		}
		shared[i], _ = o.(*v1alpha1.ScopedTokenBinding)
	}
	for name, word := range map[string]func(*v1alpha1.ScopedTokenBinding) string{
		"namespace": func(b *v1alpha1.ScopedTokenBinding) string { return b.Namespace },
		"finalizer": func(b *v1alpha1.ScopedTokenBinding) string { return b.Finalizers[0] },
		"role":      func(b *v1alpha1.ScopedTokenBinding) string { return b.Spec.Role },
		"token":     func(b *v1alpha1.ScopedTokenBinding) string { return b.Status.Token.ID },
		"message":   func(b *v1alpha1.ScopedTokenBinding) string { return b.Status.Conditions[0].Message },
	} {
		if unsafe.StringData(word(shared[0])) != unsafe.StringData(word(shared[1])) {
			t.Errorf("each binding has its own copy of the %s", name)
		}
	}
}
