package pin

import (
	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// TokenID returns the id of the token that the binding stands for, or "" while it only names one: declared, claimed, or
// found before, in this order. All but the declared id stands in the status, which users do not write.
func TokenID(b *v1alpha1.ScopedTokenBinding) string {
	if b.Spec.Token.ID != "" {
		return string(b.Spec.Token.ID)
	}
	return b.Status.Token.ID
}

// TargetID returns the id of the target that the binding stands for, or "" while it only names one.
func TargetID(b *v1alpha1.ScopedTokenBinding) string {
	if b.Spec.Target.ID != "" {
		return string(b.Spec.Target.ID)
	}
	return b.Status.Target.ID
}

// IDValue is the value under which bindings pinned to a token are indexed.
func IDValue(token string) string { return "id:" + token }

// NameValue is the value under which bindings that only name a token are indexed.
func NameValue(n NameRef) string { return "name:" + n.String() }

// TokenValue is the value under which the binding is indexed by its token.
func TokenValue(b *v1alpha1.ScopedTokenBinding) string {
	if id := TokenID(b); id != "" {
		return IDValue(id)
	}
	return NameValue(NameRefOf(b))
}
