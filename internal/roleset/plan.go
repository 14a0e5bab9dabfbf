package roleset

import (
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// Outcome is what becomes of a claim.
type Outcome string

const (
	// InSync: the token holds the role.
	InSync Outcome = "InSync"
	// Add: the token is to be given the role.
	Add Outcome = "Add"
	// Update: the token's role on the target is to be changed to the claim's.
	Update Outcome = "Update"
	// Conflict: another claim, which was first, wants another role on the target.
	Conflict Outcome = "Conflict"
	// ExistingRole: the token holds a role on the target that the claim may not take over.
	ExistingRole Outcome = "ExistingRole"
	// OnHold: the claim, or the one that has the say over its target, is on hold, so nothing is written.
	OnHold Outcome = "OnHold"
	// Remove: the claim leaves, and its role is to be removed.
	Remove Outcome = "Remove"
	// Gone: the claim leaves, and there is no role left to remove.
	Gone Outcome = "Gone"
	// Kept: the claim leaves, and the role stays since another claim has the say over it now.
	Kept Outcome = "Kept"
	// Waiting: the claim leaves, and whether the role is to stay hangs on a claim on hold that nobody has taken yet.
	Waiting Outcome = "Waiting"
	// Ignored: the claim counts for nothing.
	Ignored Outcome = "Ignored"
	// Blocked: there is something to change, and the token is protected from it; Verdict.Block says by what.
	Blocked Outcome = "Blocked"
)

// changes says whether something is to be written for the claim.
func (o Outcome) changes() bool { return o == Add || o == Update || o == Remove }

// Block is why changes are withheld.
type Block string

const (
	// NotBlocked: nothing is withheld.
	NotBlocked Block = ""
	// OwnScopeRoleUnseen: the token's role on its own scope is not among the roles observed; no change is made, and no role is
	// taken for gone.
	OwnScopeRoleUnseen Block = "OwnScopeRoleUnseen"
	// OwnScopeRole: the change is to the token's role on its own scope, which is nobody's to declare; the others are made.
	OwnScopeRole Block = "OwnScopeRole"
)

// Verdict is what becomes of one claim, and why.
type Verdict struct {
	Outcome Outcome
	// Observed is the role on the target now, empty if there is none.
	Observed string
	// Winner is the claim that has the say over the target (Conflict, OnHold, Kept, Waiting), if it is another one.
	Winner     string
	WinnerRole string
	// Block says why, where the outcome is Blocked.
	Block Block
}

// Plan is what to change about a token, and what to tell each claim.
type Plan struct {
	// Changes in an order in which every prefix can be written by itself.
	Changes []Change
	// Verdicts by the claims' ids, one for each claim.
	Verdicts map[string]Verdict
	// Blocked is why changes are withheld, if any are.
	Blocked Block
}

// Desired is the complete set of roles to write.
func (p Plan) Desired(o Observed) []astro.Role { return Apply(o.Roles, p.Changes) }

// Make plans the token's roles from what was observed and what is claimed.
func Make(o Observed, claims []Claim) Plan {
	p := Plan{Verdicts: make(map[string]Verdict, len(claims))}
	for _, g := range groups(o, claims) {
		for _, c := range g.claims {
			p.Verdicts[c.ID] = g.verdict(c)
		}
		if change, ok := g.change(); ok {
			p.Changes = append(p.Changes, change)
		}
	}
	slices.SortFunc(p.Changes, inOrder)
	p.protect(o, claims)
	return p
}

// protect withholds what could cost the token its role on its own scope, and so its last role too.
func (p *Plan) protect(o Observed, claims []Claim) {
	if !o.SeesOwnScope() {
		p.withhold(OwnScopeRoleUnseen, claims, func(Target) bool { return true })
		p.Blocked = OwnScopeRoleUnseen
		return
	}
	p.withhold(OwnScopeRole, claims, o.ownScope)
}

// withhold takes back the changes of the targets, and tells those who wanted them.
func (p *Plan) withhold(why Block, claims []Claim, from func(Target) bool) {
	kept := slices.DeleteFunc(p.Changes, func(c Change) bool { return from(c.Target) })
	if len(kept) < len(p.Changes) {
		p.Blocked = why
	}
	p.Changes = kept
	for _, c := range claims {
		if v := p.Verdicts[c.ID]; v.Outcome.changes() && from(c.Target) {
			v.Outcome, v.Block = Blocked, why
			p.Verdicts[c.ID] = v
		}
	}
}
