package astro

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// maxRights is how many roles are spelled out.
const maxRights = 32

// Rights spells roles in order, for a reader and for comparison: ORGANIZATION/<id>=<role>, a DAG's with its Deployment
// before its id. Of very many the rest is a sum, so that a change still shows.
func Rights(roles []Role) []string {
	all := make([]string, 0, len(roles))
	for _, r := range roles {
		on := []string{string(r.EntityType), r.EntityID}
		if k := r.Key(); k.DeploymentID != "" {
			on = []string{string(r.EntityType), k.DeploymentID, r.EntityID}
		}
		all = append(all, strings.Join(on, "/")+"="+r.Role)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) <= maxRights {
		return all
	}
	rest := all[maxRights-1:]
	sum := sha256.Sum256([]byte(strings.Join(rest, "\n")))
	return append(all[:maxRights-1:maxRights-1], fmt.Sprintf("and %d more, sha256 %x", len(rest), sum[:8]))
}
