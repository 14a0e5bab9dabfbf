package roleset_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

const (
	accessor = "WORKSPACE_ACCESSOR"
	member   = "WORKSPACE_MEMBER"
	admin    = "DEPLOYMENT_ADMIN"
	deployer = "Deploy Only"
	viewer   = "Viewer"
)

var (
	dep1 = roleset.Target{Kind: astro.EntityDeployment, ID: "d1"}
	dep2 = roleset.Target{Kind: astro.EntityDeployment, ID: "d2"}
	ws1  = roleset.Target{Kind: astro.EntityWorkspace, ID: "w1"}
	ws2  = roleset.Target{Kind: astro.EntityWorkspace, ID: "w2"}
)

// TestMain looks at more worlds than rapid would by itself; -rapid.checks still has the last word.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "300"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// ownRole is the own-scope role of the Organization token that most cases are about.
const ownRole = `{"entityType":"ORGANIZATION","entityId":"o1","role":"ORGANIZATION_MEMBER"}`

// read makes roles from the JSON Astro answers.
func read(entries ...string) []astro.Role {
	var roles []astro.Role
	if err := json.Unmarshal([]byte("["+strings.Join(entries, ",")+"]"), &roles); err != nil {
		panic(err)
	}
	return roles
}

// on is an entry with a field this code knows nothing of.
func on(t roleset.Target, role string) string {
	return fmt.Sprintf(`{"entityType":%q,"entityId":%q,"role":%q,"since":"2026"}`, t.Kind, t.ID, role)
}

// organizationToken has its own-scope role and the entries.
func organizationToken(entries ...string) roleset.Observed {
	return roleset.Observed{Scope: astro.ScopeOrganization, Home: "o1", Roles: read(append([]string{ownRole}, entries...)...)}
}

// claimOption says in what a claim differs from one that wants its role and is not taken.
type claimOption func(*roleset.Claim)

func claim(id string, t roleset.Target, role string, options ...claimOption) roleset.Claim {
	c := roleset.Claim{ID: id, Target: t, Role: role, Class: roleset.Want}
	for _, option := range options {
		option(&c)
	}
	return c
}

// held is a claim taken on that day.
func held(day int) claimOption { return func(c *roleset.Claim) { c.ClaimedAt = onDay(day) } }

// created is a claim of a binding that was made on that day.
func created(day int) claimOption { return func(c *roleset.Claim) { c.CreatedAt = onDay(day) } }

func onDay(day int) time.Time { return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC) }

func adopt(a roleset.Adopt) claimOption { return func(c *roleset.Claim) { c.Adopt = a } }

func onHold(c *roleset.Claim)        { c.Class = roleset.Hold }
func yielding(c *roleset.Claim)      { c.Yields = true }
func neverAdopting(c *roleset.Claim) { c.Adopt = roleset.AdoptNever }
func leaving(c *roleset.Claim)       { c.Class = roleset.Leave }
func none(c *roleset.Claim)          { c.Class = roleset.None }
func watching(c *roleset.Claim)      { c.Class, c.Observe = roleset.None, true }

// wires are the roles byte for byte.
func wires(roles []astro.Role) []string {
	out := make([]string, len(roles))
	for i, r := range roles {
		raw, err := r.MarshalJSON()
		if err != nil {
			panic(err)
		}
		out[i] = string(raw)
	}
	return out
}

func sortedWires(roles []astro.Role) []string {
	out := wires(roles)
	slices.Sort(out)
	return out
}

// told are the changes as one reads them.
func told(changes []roleset.Change) []string {
	out := make([]string, len(changes))
	for i, c := range changes {
		out[i] = fmt.Sprintf("%s %s: %s for %s", c.Target.Kind, c.Target.ID, c, strings.Join(c.Claims, ", "))
	}
	return out
}
