package measure

import (
	"fmt"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/expiry"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/resolve"
)

// Claims are the roles that bindings have claimed, by Organization and token.
type Claims map[organization]map[string]map[astro.RoleKey]struct{}

type organization struct{ host, id string }

func (c Claims) add(claim pin.Claim) {
	in := organization{claim.Host, claim.Organization}
	if c[in] == nil {
		c[in] = map[string]map[astro.RoleKey]struct{}{}
	}
	if c[in][claim.Token] == nil {
		c[in][claim.Token] = map[astro.RoleKey]struct{}{}
	}
	c[in][claim.Token][astro.RoleKey{EntityType: resolve.Entities[claim.TargetKind], EntityID: claim.Target}] = struct{}{}
}

// Expiries are the words for how soon tokens expire, the soonest first. Each token counts once.
var Expiries = []string{"expired", "1d", "7d", "30d", "later", "never"}

// expiryOf is the word for how soon the token expires.
func expiryOf(at *time.Time, now time.Time) string {
	switch {
	case at == nil:
		return "never"
	case !at.After(now):
		return "expired"
	}
	if days := expiry.Within(*at, now); days > 0 {
		return fmt.Sprintf("%dd", days)
	}
	return "later"
}

// Tokens are the counts of the tokens that a connection lists, of those that a binding may name.
type Tokens struct {
	Expiring   map[Expiring]int
	Unused     map[bool]int // tokens that nobody has used for 90 days, by whether a binding has a claim on them
	Undeclared int          // roles that no binding has claimed, on Workspaces and Deployments other than the token's own scope
}

// Expiring is what tokens are counted by: how soon they expire, and whether a binding has a claim on them.
type Expiring struct {
	Within string
	Bound  bool
}

// tokenCounter counts the tokens of one Organization.
type tokenCounter struct {
	Tokens

	now    time.Time
	claims map[string]map[astro.RoleKey]struct{}
}

// CountTokens counts the tokens of the Organization that each shows; nothing is kept of them. What each returns says whether the
// tokens are known at all.
func (c Claims) CountTokens(host, organizationID string, now time.Time, each func(func(astro.Token)) bool) (of Tokens, known bool) {
	counter := tokenCounter{Tokens: Tokens{Expiring: map[Expiring]int{}, Unused: map[bool]int{}}, now: now, claims: c[organization{host, organizationID}]}
	known = each(counter.add)
	return counter.Tokens, known
}

func (c *tokenCounter) add(t astro.Token) {
	if t.Scope != astro.ScopeOrganization && t.Scope != astro.ScopeWorkspace {
		return
	}
	claimed := c.claims[t.ID]
	c.Expiring[Expiring{expiryOf(t.EndAt, c.now), len(claimed) > 0}]++
	if _, _, unused := expiry.UnusedSince(t.LastUsedAt, t.CreatedAt, c.now); unused {
		c.Unused[len(claimed) > 0]++
	}
	for _, r := range t.Roles {
		if r.EntityType == astro.EntityType(t.Scope) || (r.EntityType != astro.EntityWorkspace && r.EntityType != astro.EntityDeployment) {
			continue
		}
		if _, declared := claimed[r.Key()]; !declared {
			c.Undeclared++
		}
	}
}
