package token

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// verdictFault is what the planner's verdict, and what became of the changes, leave to be said against a member.
func (g *group) verdictFault(m *member) *fault {
	if m.class == roleset.None && !m.observes() || g.presence != present {
		return nil
	}
	if lost := g.lost[m.conn.Key]; lost != nil && (m.needsLook() || m.pendingChange()) {
		return lost
	}
	switch m.verdict.Outcome {
	case roleset.Conflict:
		return g.conflict(m)
	case roleset.ExistingRole:
		return existingRole(m, m.verdict.Observed)
	case roleset.Held:
		if m.class == roleset.Want || (m.observes() && m.verdict.Observed != m.role()) {
			return not(v1alpha1.ConditionAccepted, v1alpha1.ReasonConflictingBinding,
				"%s holds this role and is on hold; see its status", g.bindingWords(m, m.verdict.Winner))
		}
	case roleset.Blocked:
		return blocked(m)
	case roleset.Waiting:
		g.outcome.after(lookAgain)
		return not(v1alpha1.ConditionSynced, v1alpha1.ReasonRevoking,
			"whether the role stays hangs on %s, which is about to take its claim", g.bindingWords(m, m.verdict.Winner))
	case roleset.Add, roleset.Update, roleset.Remove:
		return g.undone(m)
	}
	return nil
}

// existingRole is the fault of a role that spec.adopt does not allow to take over.
func existingRole(m *member, role string) *fault {
	return not(v1alpha1.ConditionAccepted, v1alpha1.ReasonExistingRole,
		"the token already holds %s on %s, which spec.adopt: %s does not allow to take over; remove it in Astro, or set spec.adopt: Always",
		role, m.targetWords(), cmp.Or(m.binding.Spec.Adopt, v1alpha1.AdoptAlways))
}

// pendingChange reports whether the plan still has something to change for the member.
func (m *member) pendingChange() bool {
	switch m.verdict.Outcome {
	case roleset.Add, roleset.Update, roleset.Remove:
		return true
	default:
		return false
	}
}

// undone is the fault of a member whose change was not made.
func (g *group) undone(m *member) *fault {
	if m.observes() && m.class == roleset.None {
		return nil
	}
	if f := g.failures[m.entry()]; f != nil {
		return f
	}
	g.outcome.after(lookAgain)
	reason := v1alpha1.ReasonDriftDetected
	if m.class == roleset.Leave {
		reason = v1alpha1.ReasonRevoking
	}
	return not(v1alpha1.ConditionSynced, reason, "Astro holds %s on %s; the operator looks again", cmp.Or(m.verdict.Observed, "no role"), m.targetWords())
}

// conflict tells the loser who won, as far as the rules let it know.
func (g *group) conflict(m *member) *fault {
	return not(v1alpha1.ConditionAccepted, v1alpha1.ReasonConflictingBinding,
		"%s was first and declares %s for the same token and target; delete one of the two, or let them declare the same role",
		g.bindingWords(m, m.verdict.Winner), m.verdict.WinnerRole)
}

// bindingWords names another binding: of the same namespace, or where the rules allow an inventory of the target.
func (g *group) bindingWords(m *member, id string) string {
	namespace, _, _ := strings.Cut(id, "/")
	subject := policy.Subject{Namespace: m.binding.Namespace, Labels: m.labels}
	if namespace == m.binding.Namespace || (m.conn.Object != nil && policy.CheckInventory(m.conn.Object, subject, m.targetFacts()).Allowed) {
		return "ScopedTokenBinding " + id
	}
	return "a ScopedTokenBinding of another namespace"
}

func blocked(m *member) *fault {
	switch m.verdict.Block {
	case roleset.WouldBeEmpty:
		return not(v1alpha1.ConditionSynced, v1alpha1.ReasonLastRoleProtected,
			"the role is the token's last, and Astro cannot hold a token without any; delete the token in Astro instead")
	case roleset.OwnScopeRole:
		return not(v1alpha1.ConditionSynced, v1alpha1.ReasonOwnScopeRoleProtected,
			"%s is where the token was made, and its role there is never changed; bind another target", m.targetWords())
	default:
		return not(v1alpha1.ConditionSynced, v1alpha1.ReasonOwnScopeRoleProtected,
			"Astro does not show the token's role on its own scope, which a write would drop; see to it that the connection's API token may see all roles of the token")
	}
}

// foughtOver is the fault of a role that somebody else keeps changing back.
func foughtOver(g *group, m *member) *fault {
	who := ""
	if g.token.UpdatedBy != "" {
		who = fmt.Sprintf(" (Astro names %s as the last to update it)", g.token.UpdatedBy)
	}
	return not(v1alpha1.ConditionSynced, v1alpha1.ReasonExternalWriter,
		"%s was restored %d times within %s, and the token holds %s again: something else writes this token%s; stop it, then set the annotation %s to a new value",
		m.role(), fightLimit, fightWindow, cmp.Or(g.token.RoleOn(m.entry().Key()), "no role"), who, v1alpha1.AnnotationRequestedAt)
}
