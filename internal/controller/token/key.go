package token

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/journal"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
)

// TokenKey names what one reconcile works on. With Token set it is one Astro token, and every binding of that token. With
// NameRef set it is the bindings that name a token in one way, until the name is found. With Connection set it is the
// bindings that refer to a connection which does not exist, and hold nothing; with Refused besides, those of that namespace that
// the rules of the connection refuse whatever Astro shows. However many these are, they are one piece of work.
type TokenKey struct { //nolint:revive // Key alone would be taken for a connection's
	Host         string
	Organization string
	Token        string
	NameRef      pin.NameRef
	Connection   connection.Key
	Refused      string
}

// String is the key as logs print it.
func (k TokenKey) String() string {
	switch {
	case k.Token != "":
		return k.Organization + "/" + k.Token
	case k.NameRef.Name != "":
		return k.Organization + "/" + k.NameRef.String()
	case k.Refused != "":
		return "refused in " + k.Refused + " by " + k.Connection.String()
	default:
		return k.Connection.String()
	}
}

func (k TokenKey) decision() decision.Key {
	return decision.Key{Host: k.Host, Organization: k.Organization, Token: k.Token}
}

func (k TokenKey) journal() journal.TokenKey {
	return journal.TokenKey{Host: k.Host, Organization: k.Organization, Token: k.Token}
}

// tokenKey is the key of a token.
func tokenKey(host, organization, token string) TokenKey {
	return TokenKey{Host: host, Organization: organization, Token: token}
}

// group is what one reconcile works with: the bindings of one token, and the connections that they refer to.
type group struct {
	key      TokenKey
	bindings []decision.Binding
	handles  map[string]connection.Handle // by the connection's id
	unsure   error                        // why it is not known who else names the token
	doubtful map[types.UID]error          // those that name it by a listing that could not be made anew, and why: nothing is done for them
	notices  int64                        // that had been given before anything was looked at
	at       time.Time                    // when it was gathered
}

// reachable are the connections of the bindings that can be used to look, each once.
func (g group) reachable() []connection.Handle {
	var all []connection.Handle
	seen := map[string]bool{}
	for i := range g.bindings {
		b := &g.bindings[i]
		if id := b.Connection.ID; asks(b) && b.Reaches(g.key.decision(), g.at) && g.handles[id].Client != nil && !seen[id] {
			seen[id] = true
			all = append(all, g.handles[id])
		}
	}
	return all
}

// asks reports whether anything is asked of Astro for the binding: it has a claim, or the rules may allow it.
func asks(b *decision.Binding) bool { return b.Claim != nil || b.Refused() == nil }

// agreed reports whether no other connection of the bindings lists the token differently. They list at different times.
func (g group) agreed(ctx context.Context, row astro.Token) bool {
	for _, h := range g.reachable() {
		other, listed, err := h.Directory.Token(ctx, g.key.Token)
		if err == nil && listed && !other.SameAs(row) {
			return false
		}
	}
	return true
}

// claimsThrough reports whether a binding of the connection holds a claim on the token, or is pinned to it by a name. Whoever asks for a
// token through another one, and does not see it, costs those who hold claims nothing.
func (g group) claimsThrough(k connection.Key) bool {
	id := k.String()
	return slices.ContainsFunc(g.bindings, func(b decision.Binding) bool {
		return b.Connection.ID == id && (b.Claim != nil || b.Object.Spec.Token.ID == "")
	})
}

func connectionOf(b *v1alpha1.ScopedTokenBinding) connection.Key {
	return connection.KeyFor(b.Namespace, b.Spec.ConnectionRef)
}

func connectionRef(e journal.Entry) v1alpha1.ConnectionReference {
	return v1alpha1.ConnectionReference{Kind: v1alpha1.ConnectionKind(e.ConnectionKind), Name: e.Connection}
}
