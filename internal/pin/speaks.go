package pin

import (
	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

// Speaks reports whether the binding speaks of a role of the token on the target, in whatever state it is: by id or by name, in its
// spec or in its status. It says yes rather than no: what a binding speaks of is not removed for want of a declaration.
func Speaks(b *v1alpha1.ScopedTokenBinding, t astro.Token, on v1alpha1.BoundTarget) bool {
	return speaksOfToken(b, t) && SpeaksOfTarget(b, on)
}

func speaksOfToken(b *v1alpha1.ScopedTokenBinding, t astro.Token) bool {
	spec := b.Spec.Token
	if string(spec.ID) == t.ID || b.Status.Token.ID == t.ID {
		return true
	}
	ref, err := NameRefTo(t)
	if err != nil || spec.Name == "" || spec.Name != ref.Name || spec.Scope != ref.Scope {
		return false
	}
	return ref.Home == "" || string(spec.WorkspaceID) == ref.Home // of a token whose home does not show, any may be it
}

// SpeaksOfTarget reports whether the binding speaks of a role on the target, of whichever token.
func SpeaksOfTarget(b *v1alpha1.ScopedTokenBinding, on v1alpha1.BoundTarget) bool {
	spec := b.Spec.Target
	if spec.Kind != on.Kind {
		return false
	}
	if string(spec.ID) == on.ID || b.Status.Target.ID == on.ID {
		return true
	}
	return spec.Name != "" && text.Clip(spec.Name, text.MostName) == on.Name && // which a status clips as well
		(spec.WorkspaceID == "" || on.WorkspaceID == "" || string(spec.WorkspaceID) == on.WorkspaceID)
}
