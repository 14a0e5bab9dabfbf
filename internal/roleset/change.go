package roleset

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

// Change is one step from the observed roles to the desired ones. From is empty for an addition, To for a removal.
type Change struct {
	Target   Target
	From, To string
	// Claims are those that want the change, the winner first.
	Claims []string
}

// String says the change in words, for status.plannedChange and messages.
func (c Change) String() string {
	from, to := text.Words(c.From), text.Words(c.To)
	switch {
	case c.To == "":
		return "remove " + from
	case c.From == "":
		return "add " + to
	default:
		return fmt.Sprintf("change %s to %s", from, to)
	}
}

// step is where the change stands in the order that keeps every prefix valid where Astro wants a role on the parent:
// Workspaces before their Deployments on the way up, Deployments before their Workspaces on the way down.
func (c Change) step() int {
	workspace := c.Target.Kind == astro.EntityWorkspace
	switch {
	case c.To != "" && workspace:
		return 0
	case c.To != "":
		return 1
	case !workspace:
		return 2
	default:
		return 3
	}
}

func inOrder(a, b Change) int {
	return cmp.Or(
		cmp.Compare(a.step(), b.step()),
		cmp.Compare(a.Target.ID, b.Target.ID),
		cmp.Compare(a.Target.Kind, b.Target.Kind),
	)
}

// Halve splits changes to find the one that is refused. The first part can be written by itself; the second is valid
// once the first is written. A single change is not split: it is all of the first part.
func Halve[C any](changes []C) (first, rest []C) {
	n := (len(changes) + 1) / 2
	return slices.Clip(changes[:n]), changes[n:]
}

// Confirmed says whether the roles show every change as made: what was added or updated is there with its role and
// no other, what was removed is not. Roles that no change speaks of do not matter.
func Confirmed(after []astro.Role, changes []Change) bool {
	there := observe(after)
	for _, c := range changes {
		if found := there[c.Target.Key()]; c.To == "" && len(found) > 0 || c.To != "" && !found.are(c.To) {
			return false
		}
	}
	return true
}
