package astro

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

// Identity is what a credential says of itself. It is not verified, and it never holds the secret.
type Identity struct {
	TokenID       string
	Organizations []string
	Workspaces    []string
	ExpiresAt     *time.Time // nil: never
}

// lastSecond is the end of the year 9999, the last time that a status can hold.
const lastSecond = 253402300799

// ParseCredential reads the claims of an API token's secret without verifying them, as Astro's own clients do. White space
// around it is harmless. Anything else than exactly one JWT is an error that names the kind of what is wrong, and never a
// part of the secret.
func ParseCredential(secret string) (Identity, error) {
	payload, err := claimsOf(strings.TrimSpace(secret))
	if err != nil {
		return Identity{}, err
	}
	var claims struct {
		APITokenID  string   `json:"apiTokenId"`
		Permissions []string `json:"permissions"`
		ExpiresAt   *float64 `json:"exp"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return Identity{}, errBadClaims
	}
	if !idForm.MatchString(claims.APITokenID) { // it goes into messages and a status
		return Identity{}, errNoTokenID
	}
	id := Identity{
		TokenID:       claims.APITokenID,
		Organizations: permissionIDs(claims.Permissions, "organizationId:"),
		Workspaces:    permissionIDs(claims.Permissions, "workspaceId:"),
	}
	if claims.ExpiresAt != nil {
		at := time.Unix(int64(max(0, min(*claims.ExpiresAt, lastSecond))), 0).UTC()
		id.ExpiresAt = &at
	}
	return id, nil
}

var idForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func permissionIDs(permissions []string, prefix string) []string {
	var ids []string
	for _, p := range permissions {
		if id, ok := strings.CutPrefix(p, prefix); ok && idForm.MatchString(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// credential is the secret that calls carry, and what Astro said when it refused it. After a refusal, calls fail without
// being sent: a revoked secret costs no more than the calls under way at that moment, however many callers there are.
// UseCredential and Prove let calls through again. A refusal of an older secret does not count against the one in use.
type credential struct {
	*redactor

	refused atomic.Pointer[Error]
}

func newCredential(secret string) *credential {
	return &credential{redactor: newRedactor(strings.TrimSpace(secret))}
}

// recordRefusal remembers the first call that Astro refused for its credential, and is true for that one.
func (c *credential) recordRefusal(err error) (first bool) {
	e, ok := errors.AsType[*Error](err)
	return ok && errors.Is(err, ErrUnauthorized) && c.refused.CompareAndSwap(nil, e)
}

// refusal is the error of a call that is not sent; nil if Astro has not refused the credential.
func (c *credential) refusal(op string) error {
	e := c.refused.Load()
	if e == nil {
		return nil
	}
	return &Error{
		Op: op, Message: text.Clip("not sent, since Astro refused the credential before: "+e.Message, maxErrorText),
		RequestID: e.RequestID, kind: ErrUnauthorized,
	}
}
