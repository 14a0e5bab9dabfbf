package roleset_test

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	. "github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// The generated worlds are small, so that claims and entries meet.
var (
	targets = []Target{ws1, ws2, dep1, dep2}
	// parent is the Workspace of each Deployment.
	parent = map[Target]Target{dep1: ws1, dep2: ws2}
	roles  = []string{viewer, admin, member}
)

// chance is true once in n.
func chance(t *rapid.T, n int, what string) bool { return rapid.IntRange(1, n).Draw(t, what) == 1 }

func drawObserved(t *rapid.T) Observed {
	o := Observed{Scope: rapid.SampledFrom([]astro.Scope{
		astro.ScopeOrganization, astro.ScopeOrganization, astro.ScopeWorkspace, astro.ScopeDeployment, "",
	}).Draw(t, "scope")}
	home := map[astro.Scope]string{astro.ScopeOrganization: "o1", astro.ScopeWorkspace: "w1", astro.ScopeDeployment: "d1"}[o.Scope]
	if rapid.Bool().Draw(t, "home known") {
		o.Home = home
	}
	entries := rapid.SliceOfN(rapid.Custom(drawEntry), 0, 8).Draw(t, "entries")
	if !chance(t, 8, "own-scope role unseen") {
		at := rapid.IntRange(0, len(entries)).Draw(t, "place of own-scope role")
		own := fmt.Sprintf(`{"role":"OWN","entityType":%q,"entityId":%q}`, o.Scope, home)
		entries = slices.Insert(entries, at, own)
	}
	o.Roles = read(entries...)
	return o
}

// drawEntry makes an entry as Astro might answer it: on a target, on something in a Deployment, or on something nobody
// has heard of yet; with blanks, fields unknown here, and characters that encoders like to escape.
func drawEntry(t *rapid.T) string {
	extra := rapid.SampledFrom([]string{"", `, "since":1.50`, `,"note":"<&>\u00e9"`, `,"a":{"z":1,"b":[ null ]}`}).Draw(t, "extra")
	role := rapid.SampledFrom(append(roles, "<odd>", "")).Draw(t, "role")
	entity := func(kind astro.EntityType, id, deployment string) string {
		return fmt.Sprintf(`{"entityType": %q,"entityId":%q%s,"role":%q%s}`, kind, id, deployment, role, extra)
	}
	on := rapid.SampledFrom(targets).Draw(t, "on")
	switch rapid.IntRange(0, 6).Draw(t, "kind of entry") {
	case 0:
		return entity(astro.EntityDag, on.ID, `,"deploymentId":"d1"`)
	case 1:
		return entity(astro.EntityDagTag, on.ID, `,"deploymentId":"d2"`)
	case 2:
		return entity("GALAXY", on.ID, "")
	default:
		return entity(on.Kind, on.ID, "")
	}
}

func drawClaims(t *rapid.T) []Claim {
	claims := rapid.SliceOfN(rapid.Custom(drawClaim), 0, 9).Draw(t, "claims")
	crowd := rapid.SampledFrom(targets).Draw(t, "crowd")
	for i := range claims {
		if chance(t, 2, "in the crowd") {
			claims[i].Target = crowd
		}
	}
	ids := rapid.Permutation([]string{"a/1", "a/2", "a/3", "b/1", "b/2", "b/3", "c/1", "c/2", "c/3"}).Draw(t, "ids")
	for i := range claims {
		claims[i].ID = ids[i]
	}
	return claims
}

func drawClaim(t *rapid.T) Claim {
	c := Claim{
		Target:  rapid.SampledFrom(targets).Draw(t, "target"),
		Role:    rapid.SampledFrom(roles).Draw(t, "role"),
		Class:   rapid.SampledFrom([]Class{Want, Want, Want, Hold, Leave, None}).Draw(t, "class"),
		Adopt:   rapid.SampledFrom([]Adopt{AdoptAlways, AdoptAlways, AdoptIfSameRole, AdoptNever}).Draw(t, "adopt"),
		Observe: chance(t, 6, "observe"),
	}
	if day := rapid.IntRange(0, 3).Draw(t, "held on day"); day > 0 {
		c.ClaimedAt = onDay(day)
	}
	c.CreatedAt = onDay(rapid.IntRange(0, 3).Draw(t, "created on day"))
	if c.Class == None {
		c.Observe = rapid.Bool().Draw(t, "none observes")
	}
	if chance(t, 20, "no role") {
		c.Role = ""
	}
	if chance(t, 20, "no target") {
		c.Target.ID = ""
	}
	return c
}

// without is the claims but the one.
func without(claims []Claim, id string) []Claim {
	return slices.DeleteFunc(slices.Clone(claims), func(c Claim) bool { return c.ID == id })
}

// rolesOn are the roles of all entries on the target.
func rolesOn(t Target, entries []astro.Role) []string {
	var found []string
	for _, r := range entries {
		if r.Key() == t.Key() {
			found = append(found, r.Role)
		}
	}
	return found
}
