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
	RolesKnown  bool // false: the answer had no roles that could be read, which says nothing of what the token holds
	CreatedAt   time.Time
	EndAt       *time.Time // nil: never expires
	CreatedBy   string     // full name, user name, token name or id, the first that is there
	UpdatedBy   string
}

// Home is the id of the entity that the token was made in: that of its role on its own scope. It is empty if no such
// role is to be seen, or if several are, since then it cannot be told.
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

// SameAs compares what matters to a binding, the roles as a set. Times of use and of update do not.
func (t Token) SameAs(o Token) bool {
	return t.ID == o.ID && t.Name == o.Name && t.Description == o.Description && t.Scope == o.Scope && t.Kind == o.Kind &&
		t.CreatedBy == o.CreatedBy && sameTime(t.EndAt, o.EndAt) && t.RolesKnown == o.RolesKnown && sameRoles(t.Roles, o.Roles)
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

// wireToken is an ApiToken as Astro sends it; the secret and the times of use are not even read.
type wireToken struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Scope       Scope           `json:"scope"`
	Kind        string          `json:"kind"`
	Roles       json.RawMessage `json:"roles"`
	CreatedAt   time.Time       `json:"createdAt"`
	EndAt       *time.Time      `json:"endAt"`
	CreatedBy   wireSubject     `json:"createdBy"`
	UpdatedBy   wireSubject     `json:"updatedBy"`
}

type wireSubject struct {
	ID           string `json:"id"`
	FullName     string `json:"fullName"`
	Username     string `json:"username"`
	APITokenName string `json:"apiTokenName"`
}

func (s wireSubject) name() string { return cmp.Or(s.FullName, s.Username, s.APITokenName, s.ID) }

// UnmarshalJSON reads a token. Roles that are absent, null or not readable make the token one of unknown roles: it
// can then be named but never written, and the other rows of a listing are none the worse.
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
		CreatedAt: w.CreatedAt, EndAt: w.EndAt, CreatedBy: w.CreatedBy.name(), UpdatedBy: w.UpdatedBy.name(),
	}
	t.Roles, t.RolesKnown = readRoles(w.Roles)
	return nil
}

func readRoles(raw json.RawMessage) ([]Role, bool) {
	var roles []Role
	if err := json.Unmarshal(raw, &roles); err != nil || roles == nil {
		return nil, false
	}
	return roles, true
}
