package pin

import (
	"errors"
	"strings"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// NameRef is how a binding names a token whose id is not known yet.
type NameRef struct {
	// Scope of the token.
	Scope v1alpha1.Scope
	// Home is the id of the home Workspace of a Workspace token, "" for an Organization token.
	Home string
	// Name of the token.
	Name string
}

// String returns the reference as scope/home/name.
func (n NameRef) String() string { return strings.Join([]string{string(n.Scope), n.Home, n.Name}, "/") }

// NameRefOf returns how the binding names its token; the name is "" if it declares an id.
func NameRefOf(b *v1alpha1.ScopedTokenBinding) NameRef {
	t := b.Spec.Token
	return NameRef{Scope: t.Scope, Home: string(t.WorkspaceID), Name: t.Name}
}

// ErrNoNameRef says that no binding can name the token: its scope is neither Organization nor Workspace.
var ErrNoNameRef = errors.New("a token of this scope cannot be named by a binding")

// Scopes are Astro's words for the scopes that a binding can name.
var Scopes = map[v1alpha1.Scope]astro.Scope{
	v1alpha1.ScopeOrganization: astro.ScopeOrganization,
	v1alpha1.ScopeWorkspace:    astro.ScopeWorkspace,
}

// ScopeOf returns the scope of a token as bindings write it, false if they cannot.
func ScopeOf(t astro.Token) (v1alpha1.Scope, bool) {
	switch t.Scope {
	case astro.ScopeOrganization:
		return v1alpha1.ScopeOrganization, true
	case astro.ScopeWorkspace:
		return v1alpha1.ScopeWorkspace, true
	default:
		return "", false
	}
}

// NameRefTo returns how bindings name the token.
func NameRefTo(t astro.Token) (NameRef, error) {
	scope, ok := ScopeOf(t)
	if !ok {
		return NameRef{}, ErrNoNameRef
	}
	n := NameRef{Scope: scope, Name: t.Name}
	if scope == v1alpha1.ScopeWorkspace {
		n.Home = t.Home()
	}
	return n, nil
}
