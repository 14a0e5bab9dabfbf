package roleset

import (
	"bytes"
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// Apply makes the changes to the roles and leaves the roles given as they are. An entry of which no change speaks stays
// in its place, byte for byte; an update keeps the entry's place and unknown fields; additions come last, in the order of
// a plan. A change is made to what stands under its key now, even where that is no longer its From. Several entries
// under the key of a change become one.
func Apply(roles []astro.Role, changes []Change) []astro.Role {
	pending := make(map[astro.RoleKey]Change, len(changes))
	for _, c := range changes {
		pending[c.Target.Key()] = c
	}
	places := make(map[astro.RoleKey]int, len(changes))
	out := make([]astro.Role, 0, len(roles)+len(changes))
	for _, r := range roles {
		change, ok := pending[r.Key()]
		if !ok {
			out = append(out, r)
			continue
		}
		if change.To == "" {
			continue
		}
		if at, again := places[r.Key()]; again {
			out[at] = fold(out[at], r, change.To)
			continue
		}
		places[r.Key()] = len(out)
		out = append(out, r)
	}
	for key, at := range places {
		if to := pending[key].To; out[at].Role != to {
			out[at] = out[at].WithRole(to)
		}
		delete(pending, key)
	}
	return append(out, additions(pending)...)
}

// additions are the entries to make for the changes that found none.
func additions(pending map[astro.RoleKey]Change) []astro.Role {
	var added []Change
	for _, c := range pending {
		if c.To != "" {
			added = append(added, c)
		}
	}
	slices.SortFunc(added, inOrder)
	roles := make([]astro.Role, 0, len(added))
	for _, c := range added {
		roles = append(roles, astro.NewRole(c.Target.Kind, c.Target.ID, c.To))
	}
	return roles
}

// fold picks the one of two entries under the same key that stays: the one that has the role already, else the one
// that comes first on the wire, so that the order in which Astro lists them does not matter.
func fold(a, b astro.Role, role string) astro.Role {
	if (a.Role == role) != (b.Role == role) {
		if a.Role == role {
			return a
		}
		return b
	}
	wireA, _ := a.MarshalJSON() // a role that was read can be written
	wireB, _ := b.MarshalJSON()
	if bytes.Compare(wireB, wireA) < 0 {
		return b
	}
	return a
}
