package pin

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// Held returns the claim that the binding holds, or nil if it holds none that can be believed: there is no annotation,
// it cannot be read, or it names another token or target than the binding is pinned to.
func Held(b *v1alpha1.ScopedTokenBinding) *v1alpha1.HeldClaim {
	claim := parse(b)
	if claim == nil || claim.Token != tokenID(b, claim) || contradicts(b, claim) {
		return nil
	}
	return claim
}

// Verified reports whether the status, which only the operator writes, agrees with the held claim.
func Verified(b *v1alpha1.ScopedTokenBinding, claim *v1alpha1.HeldClaim) bool {
	return claim != nil && b.Status.Token.ID == claim.Token && b.Status.Target.ID == claim.Target &&
		b.Status.OrganizationID == claim.Organization && b.Status.Origin == claim.Origin
}

// TokenID returns the id of the token that the binding stands for, or "" while it only spells one by name.
// A declared id comes first. Where annotation and status disagree the status counts, unless the user has confirmed the
// annotation's id, in which case the status merely lags behind.
func TokenID(b *v1alpha1.ScopedTokenBinding) string {
	if b.Spec.Token.ID != "" {
		return string(b.Spec.Token.ID)
	}
	return tokenID(b, parse(b))
}

func tokenID(b *v1alpha1.ScopedTokenBinding, claim *v1alpha1.HeldClaim) string {
	declared, status := string(b.Spec.Token.ID), b.Status.Token.ID
	switch {
	case declared != "":
		return declared
	case claim == nil:
		return status
	case status == "" || status == claim.Token || b.Annotations[v1alpha1.AnnotationConfirmToken] == claim.Token:
		return claim.Token
	default:
		return status
	}
}

// TargetID returns the id of the target that the binding stands for, or "" while it only spells one by name.
func TargetID(b *v1alpha1.ScopedTokenBinding) string {
	if b.Spec.Target.ID != "" {
		return string(b.Spec.Target.ID)
	}
	if claim := Held(b); claim != nil {
		return claim.Target
	}
	return b.Status.Target.ID
}

// Encode returns the claim as the value of the annotation.
func Encode(claim v1alpha1.HeldClaim) (string, error) {
	data, err := json.Marshal(claim)
	if err != nil {
		return "", fmt.Errorf("encode held claim: %w", err)
	}
	return string(data), nil
}

func parse(b *v1alpha1.ScopedTokenBinding) *v1alpha1.HeldClaim {
	value, found := b.Annotations[v1alpha1.AnnotationHeld]
	if !found {
		return nil
	}
	var claim v1alpha1.HeldClaim
	if json.Unmarshal([]byte(value), &claim) != nil || claim.Token == "" || claim.Target == "" ||
		claim.Host == "" || claim.Organization == "" {
		return nil
	}
	return &claim
}

// contradicts reports whether the spec or the status names something else than the claim does.
func contradicts(b *v1alpha1.ScopedTokenBinding, claim *v1alpha1.HeldClaim) bool {
	declared, pinned := string(b.Spec.Target.ID), b.Status.Target.ID
	return claim.Scope != b.Spec.Token.Scope || claim.TargetKind != b.Spec.Target.Kind ||
		(declared != "" && claim.Target != declared) ||
		(pinned != "" && claim.Target != pinned) ||
		(b.Status.OrganizationID != "" && claim.Organization != b.Status.OrganizationID)
}

// Spelling is how a binding names a token whose id is not known yet.
type Spelling struct {
	// Scope of the token.
	Scope v1alpha1.Scope
	// Home is the id of the home Workspace of a Workspace token, "" for an Organization token.
	Home string
	// Name of the token.
	Name string
}

// SpellingOf returns how the binding names its token; the name is "" if it declares an id.
func SpellingOf(b *v1alpha1.ScopedTokenBinding) Spelling {
	t := b.Spec.Token
	return Spelling{Scope: t.Scope, Home: string(t.WorkspaceID), Name: t.Name}
}

// String returns the spelling as scope/home/name.
func (s Spelling) String() string {
	return strings.Join([]string{string(s.Scope), s.Home, s.Name}, "/")
}

// IDValue is the value under which bindings pinned to a token are indexed.
func IDValue(token string) string { return "id:" + token }

// NameValue is the value under which bindings that only spell a token are indexed.
func NameValue(s Spelling) string { return "name:" + s.String() }

// TokenValue is the value under which the binding is indexed by its token.
func TokenValue(b *v1alpha1.ScopedTokenBinding) string {
	if id := TokenID(b); id != "" {
		return IDValue(id)
	}
	return NameValue(SpellingOf(b))
}
