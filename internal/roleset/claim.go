package roleset

import (
	"cmp"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// Target is the Workspace or Deployment on which a claim wants a role.
type Target struct {
	Kind astro.EntityType
	ID   string
}

// Key is the key under which a role on the target stands in a token's role set.
func (t Target) Key() astro.RoleKey { return astro.RoleKey{EntityType: t.Kind, EntityID: t.ID} }

// Class says how much say a claim has.
type Class int

const (
	// None: the claim counts for nothing (refused, never taken, or in mode Observe).
	None Class = iota
	// Want: the claim's role is to be written.
	Want
	// Hold: what is there is neither written nor removed (suspended, frozen, connection down, about to be pinned).
	Hold
	// Leave: the claim is given up, and what it granted is to go.
	Leave
)

// Adopt says what a claim that is not taken yet does about a role that is there already.
type Adopt int

const (
	// AdoptAlways takes the role over, and changes it where it differs.
	AdoptAlways Adopt = iota
	// AdoptIfSameRole takes the role over where it is the declared one.
	AdoptIfSameRole
	// AdoptNever takes no existing role over.
	AdoptNever
)

// Claim is what one binding says of one target of the token.
type Claim struct {
	// ID is the binding's namespace/name. It is unique among the claims of a token.
	ID     string
	Target Target
	Role   string
	Class  Class
	// Yields says that the claim is on hold and nobody can end that: it counts, so that its role is not a stranger's, and has no
	// say where others claim the target.
	Yields bool
	// ClaimedAt is when the claim was taken; zero until then. The earliest wins a target.
	ClaimedAt time.Time
	// CreatedAt is when the binding was made. Among claims that are not taken, and none of whose roles is there, the earliest wins.
	CreatedAt time.Time
	Adopt     Adopt
	// Observe marks a claim that counts for nothing but wants to know what would happen if it were wanted.
	Observe bool
}

// effective is the claim as it counts. One that only observes has no say. One that names no role or no target has
// nothing that could be written, and an empty role must never be taken for a removal, so it holds.
func (c Claim) effective() Claim {
	if c.Class == Want && c.Observe {
		c.Class = None
	}
	if c.Role == "" || c.Target.ID == "" {
		c.Observe = false
		if c.Class == Want {
			c.Class = Hold
		}
	}
	return c
}

func (c Claim) claimed() bool { return !c.ClaimedAt.IsZero() }

// byPrecedence puts the claim that wins first. Taken goes before not taken. Of those taken the earliest, then by id; of those
// not taken the one whose role is there, so that what works is not disturbed, then the earliest made, then by id.
func (g *group) byPrecedence(a, b Claim) int {
	if a.claimed() != b.claimed() {
		return first(a.claimed())
	}
	if a.claimed() {
		return cmp.Or(a.ClaimedAt.Compare(b.ClaimedAt), cmp.Compare(a.ID, b.ID))
	}
	if there := g.there.are(a.Role); there != g.there.are(b.Role) {
		return first(there)
	}
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
}

// first is the order of two of which one goes first.
func first(a bool) int {
	if a {
		return -1
	}
	return 1
}
