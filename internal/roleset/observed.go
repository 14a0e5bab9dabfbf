package roleset

import (
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// Observed is what was read of the token.
type Observed struct {
	Scope astro.Scope
	// Home is the id of the entity of the token's own scope, if known.
	Home  string
	Roles []astro.Role
}

// ownScope says whether a role on the target is, or may be, the token's role on its own scope.
func (o Observed) ownScope(t Target) bool {
	return o.Scope != "" && t.Kind == astro.EntityType(o.Scope) && (o.Home == "" || t.ID == o.Home)
}

// SeesOwnScope says whether the token's role on its own scope is among the roles. Where it is not, what was read is
// not all there is: a set made from it could drop that role, and a role that it lacks may be there.
func (o Observed) SeesOwnScope() bool {
	return slices.ContainsFunc(o.Roles, func(r astro.Role) bool {
		return o.ownScope(Target{Kind: r.EntityType, ID: r.EntityID})
	})
}

// standing are the roles of the entries under one key, sorted: none, as a rule one, more where Astro has duplicates.
type standing []string

func observe(roles []astro.Role) map[astro.RoleKey]standing {
	there := make(map[astro.RoleKey]standing, len(roles))
	for _, r := range roles {
		there[r.Key()] = append(there[r.Key()], r.Role)
	}
	for _, s := range there {
		slices.Sort(s)
	}
	return there
}

// are says whether there is an entry, and the role of every entry is this one.
func (s standing) are(role string) bool {
	return len(s) > 0 && s[0] == role && s[len(s)-1] == role
}

// besides is what there is to say of the entries to somebody who wants the role: the first role that is another one,
// else the role itself, empty if there is no entry.
func (s standing) besides(role string) string {
	for _, r := range s {
		if r != role {
			return r
		}
	}
	if len(s) > 0 {
		return role
	}
	return ""
}
