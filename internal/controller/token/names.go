package token

import (
	"context"
	"errors"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/pin"
)

var errNoSpelling = errors.New("a token of this scope cannot be named by a binding")

// scopes are Astro's words for the scopes that a binding can name.
var scopes = map[v1alpha1.Scope]astro.Scope{
	v1alpha1.ScopeOrganization: astro.ScopeOrganization,
	v1alpha1.ScopeWorkspace:    astro.ScopeWorkspace,
}

// scopeOf returns the scope of a token as bindings spell it.
func scopeOf(t astro.Token) (v1alpha1.Scope, bool) {
	for ours, theirs := range scopes {
		if theirs == t.Scope {
			return ours, true
		}
	}
	return "", false
}

// spellingOf returns how bindings name the token.
func spellingOf(t astro.Token) (pin.Spelling, error) {
	scope, ok := scopeOf(t)
	if !ok {
		return pin.Spelling{}, errNoSpelling
	}
	s := pin.Spelling{Scope: scope, Name: t.Name}
	if scope == v1alpha1.ScopeWorkspace {
		s.Home = t.Home()
	}
	return s, nil
}

// named returns the tokens that have the name the member gives, as the listing of its connection shows them.
func named(ctx context.Context, m *member) ([]astro.Token, error) {
	s := pin.SpellingOf(m.binding)
	return m.conn.Directory.Named(ctx, scopes[s.Scope], s.Home, s.Name)
}

// entities are Astro's words for the kinds of target.
var entities = map[v1alpha1.TargetKind]astro.EntityType{
	v1alpha1.TargetWorkspace:  astro.EntityWorkspace,
	v1alpha1.TargetDeployment: astro.EntityDeployment,
}
