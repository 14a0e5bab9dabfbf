package token

import (
	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/ref"
)

// TokenKey names what one reconcile works on. With Token set it is one Astro token, and every binding of that token. With
// Spelling set it is the bindings that name a token in one way, until the name is found. With Connection set it is the
// bindings that refer to a connection which does not exist, and hold nothing.
type TokenKey struct { //nolint:revive // Key alone would be taken for a connection's
	Host         string
	Organization string
	Token        string
	Spelling     pin.Spelling
	Connection   connection.Key
}

// String is the key as logs print it.
func (k TokenKey) String() string {
	switch {
	case k.Token != "":
		return k.Organization + "/" + k.Token
	case k.Spelling.Name != "":
		return k.Organization + "/" + k.Spelling.String()
	default:
		return k.Connection.String()
	}
}

// keyOf returns the key of a binding. spec is that of the connection it refers to, or nil if there is none. A claim that
// is held keeps its key without the connection, so that it is never forgotten while it counts.
func keyOf(b *v1alpha1.ScopedTokenBinding, spec *v1alpha1.ConnectionSpec) TokenKey {
	if held := pin.Held(b); held != nil {
		return TokenKey{Host: held.Host, Organization: held.Organization, Token: held.Token}
	}
	if spec == nil {
		return TokenKey{Connection: connection.KeyFor(b.Namespace, b.Spec.ConnectionRef)}
	}
	key := TokenKey{Host: ref.Host(spec), Organization: string(spec.OrganizationID), Token: pin.TokenID(b)}
	if key.Token == "" {
		key.Spelling = pin.SpellingOf(b)
	}
	return key
}
