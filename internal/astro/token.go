package astro

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"
)

// Scope is where a token was made.
type Scope string

// The scopes of a token.
const (
	ScopeOrganization Scope = "ORGANIZATION"
	ScopeWorkspace    Scope = "WORKSPACE"
	ScopeDeployment   Scope = "DEPLOYMENT"
)

// KindStandard is the kind of an ordinary API token.
const KindStandard = "STANDARD"

// Token is an API token, without its secret.
type Token struct {
	ID          string
	Name        string
	Description string
	Scope       Scope
	Kind        string
	Roles       []Role
	RolesKnown  bool // false: the answer had no readable roles, so it is unknown what the token holds
	CreatedAt   time.Time
	UpdatedAt   time.Time  // zero: Astro does not say
	EndAt       *time.Time // nil: never expires
	LastUsedAt  *time.Time // nil: never used, or Astro does not say
	CreatedBy   string     // the first of full name, user name, token name and id that is there
	UpdatedBy   string
}

// Home is the id of the entity that the token was made in, taken from its role on its own scope. It is empty if there is
// no such role, or more than one.
func (t Token) Home() string {
	home := ""
	for _, r := range t.Roles {
		if r.EntityType != EntityType(t.Scope) || r.EntityID == home {
			continue
		}
		if home != "" {
			return ""
		}
		home = r.EntityID
	}
	return home
}

// RoleOn is the role that the token holds on k, empty if none.
func (t Token) RoleOn(k RoleKey) string {
	for _, r := range t.Roles {
		if r.Key() == k {
			return r.Role
		}
	}
	return ""
}

// restOver is for how long a token was not used at least if another use is news.
const restOver = 7 * 24 * time.Hour

// SameAs compares what matters to a binding, the roles as a set. When it was updated does not matter, nor when it was used,
// unless that ends a long rest.
func (t Token) SameAs(o Token) bool {
	return t.ID == o.ID && t.Name == o.Name && t.Description == o.Description && t.Scope == o.Scope && t.Kind == o.Kind &&
		t.CreatedBy == o.CreatedBy && sameTime(t.EndAt, o.EndAt) && t.RolesKnown == o.RolesKnown && sameRoles(t.Roles, o.Roles) &&
		sameUse(t.LastUsedAt, o.LastUsedAt)
}

func sameUse(a, b *time.Time) bool {
	return sameTime(a, b) || a != nil && b != nil && a.Sub(*b).Abs() < restOver
}

func sameTime(a, b *time.Time) bool {
	return a == b || a != nil && b != nil && a.Equal(*b)
}

func sameRoles(a, b []Role) bool {
	if slices.EqualFunc(a, b, Role.Equal) {
		return true
	}
	return len(a) == len(b) && slices.Equal(sortedWires(a), sortedWires(b))
}

func sortedWires(roles []Role) []string {
	wires := make([]string, len(roles))
	for i, r := range roles {
		wires[i] = r.wire()
	}
	slices.Sort(wires)
	return wires
}

// clone gives the caller a role slice of its own.
func (t Token) clone() Token {
	t.Roles = slices.Clone(t.Roles)
	return t
}

// wireToken is an ApiToken as Astro sends it. The secret is not read.
type wireToken struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Scope       Scope           `json:"scope"`
	Kind        string          `json:"kind"`
	Roles       json.RawMessage `json:"roles"`
	CreatedAt   time.Time       `json:"createdAt"`
	UpdatedAt   time.Time       `json:"updatedAt"`
	EndAt       *time.Time      `json:"endAt"`
	LastUsedAt  *time.Time      `json:"lastUsedAt"`
	CreatedBy   wireSubject     `json:"createdBy"`
	UpdatedBy   wireSubject     `json:"updatedBy"`
}

type wireSubject struct {
	ID           string `json:"id"`
	FullName     string `json:"fullName"`
	Username     string `json:"username"`
	APITokenName string `json:"apiTokenName"`
}

func (s wireSubject) called() string { return cmp.Or(s.FullName, s.Username, s.APITokenName, s.ID) }

// UnmarshalJSON reads a token. If its roles are absent, null or not readable, they are unknown: such a token can be found
// by name but is never written, and it does not spoil the listing it is in.
func (t *Token) UnmarshalJSON(raw []byte) error {
	var w wireToken
	if err := json.Unmarshal(raw, &w); err != nil {
		return err
	}
	if w.ID == "" {
		return errNoID
	}
	*t = Token{
		ID: w.ID, Name: w.Name, Description: w.Description, Scope: w.Scope, Kind: w.Kind,
		CreatedAt: w.CreatedAt, UpdatedAt: w.UpdatedAt, EndAt: w.EndAt, LastUsedAt: w.LastUsedAt, CreatedBy: w.CreatedBy.called(), UpdatedBy: w.UpdatedBy.called(),
	}
	t.Roles, t.RolesKnown = readRoles(w.Roles)
	return nil
}

func readRoles(raw json.RawMessage) ([]Role, bool) {
	if tooManyRoles(raw) {
		return nil, false
	}
	var roles []Role
	if err := json.Unmarshal(raw, &roles); err != nil || roles == nil {
		return nil, false
	}
	return roles, true
}
