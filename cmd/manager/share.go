package main

import (
	"unique"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/index"
)

// shareWords keeps of the words that thousands of bindings have in common one copy in the cache, where each would have its
// own: what its token and its conditions say, above all. Of its metadata it keeps what somebody asks for.
func shareWords(object any) (any, error) {
	object, err := index.Stripped(nil)(object)
	if b, ok := object.(*v1alpha1.ScopedTokenBinding); ok {
		shareMeta(b)
		shareSpec(&b.Spec)
		shareStatus(&b.Status)
	}
	return object, err
}

func shareMeta(b *v1alpha1.ScopedTokenBinding) {
	share(&b.Kind)
	share(&b.APIVersion)
	share(&b.Namespace)
	for i := range b.Finalizers {
		share(&b.Finalizers[i])
	}
}

func shareSpec(s *v1alpha1.ScopedTokenBindingSpec) {
	share(&s.ConnectionRef.Kind)
	share(&s.ConnectionRef.Name)
	share(&s.Token.Scope)
	share(&s.Token.Name)
	share(&s.Token.ID)
	share(&s.Token.WorkspaceID)
	share(&s.Target.Kind)
	share(&s.Target.WorkspaceID)
	share(&s.Role)
	share(&s.Mode)
	share(&s.Adopt)
	share(&s.DeletionPolicy)
}

func shareStatus(s *v1alpha1.ScopedTokenBindingStatus) {
	share(&s.OrganizationID)
	share(&s.Token.ID)
	share(&s.Token.Name)
	share(&s.Token.Description)
	share(&s.Token.Scope)
	share(&s.Token.CreatedBy)
	share(&s.Target.Kind)
	share(&s.Target.WorkspaceID)
	share(&s.Role)
	share(&s.DeletionPolicy)
	share(&s.Origin)
	for i := range s.Conditions {
		c := &s.Conditions[i]
		share(&c.Type)
		share(&c.Status)
		share(&c.Reason)
		share(&c.Message)
	}
}

func share[S ~string](s *S) {
	if *s != "" {
		*s = unique.Make(*s).Value()
	}
}
