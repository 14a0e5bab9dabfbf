package decision

import (
	"cmp"
	"errors"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// verdictFault is what the planner's verdict, and what became of the changes, leave to be said against a binding.
func (p Progress) verdictFault(i int, refused map[roleset.Target]*fault.Fault) *fault.Fault {
	s, r := &p.Situation, p.Decision.Rulings[i]
	b := &s.Bindings[i]
	if (r.enforced() == roleset.None && (!b.Observes() || r.Expired)) || s.Token.Presence != Present {
		return nil
	}
	if lost := s.Lost[b.Connection.ID]; lost != nil && (p.needsRead(i) || pendingChange(r.Verdict.Outcome)) {
		return lost
	}
	switch v := r.Verdict; v.Outcome {
	case roleset.Conflict:
		return fault.NotTrue(v1alpha1.ConditionAccepted, v1alpha1.ReasonConflictingBinding,
			"%s was first and declares %s for the same token and target; delete one of the two, or let them declare the same role",
			p.bindingWords(i, v.Winner), p.winnerRole(i, v))
	case roleset.ExistingRole:
		return s.existingRole(b, r)
	case roleset.OnHold:
		if r.enforced() == roleset.Want || (b.Observes() && v.Observed != b.Role()) {
			return fault.NotTrue(v1alpha1.ConditionAccepted, v1alpha1.ReasonConflictingBinding,
				"%s holds this role and is on hold; see its status", p.bindingWords(i, v.Winner))
		}
	case roleset.Blocked:
		return blocked(b, &r, v.Block)
	case roleset.Waiting:
		if r.withheld() {
			return nil
		}
		return fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonRevoking,
			"waiting for %s to take its claim, which may keep the role", p.bindingWords(i, v.Winner))
	case roleset.Add, roleset.Update, roleset.Remove:
		return p.undone(i, refused)
	}
	return p.unconfirmedFault(i)
}

// existingRole is said to a binding that may not take over the role in its place: by its own words, or by the rules.
func (s *Situation) existingRole(b *Binding, r Ruling) *fault.Fault {
	there, where := text.Words(r.Verdict.Observed), b.where(&r)
	if adoptOf(b.Object.Spec.Adopt) == roleset.AdoptAlways {
		return fault.NotTrue(v1alpha1.ConditionAccepted, v1alpha1.ReasonExistingRole,
			"the token already holds %s on %s, a role that the rules of %s do not let this binding give and so not take away; "+
				"remove it in Astro, or ask the owner of the connection to add it to the roles of a rule in spec.allow",
			there, where, b.Connection.Words)
	}
	return fault.NotTrue(v1alpha1.ConditionAccepted, v1alpha1.ReasonExistingRole,
		"the token already holds %s on %s, which spec.adopt: %s does not allow to take over; remove it in Astro%s",
		there, where, b.Object.Spec.Adopt, s.waysToTakeOver(b, &r))
}

// waysToTakeOver are the edits by which a binding may take over the role in its place after all: those that the rules allow.
func (s *Situation) waysToTakeOver(b *Binding, r *Ruling) string {
	ways, ask := "", s.request(b, r)
	if s.mayTakeOver(b, r) {
		ways = ", or set spec.adopt: Always"
	}
	ask.Role = r.Verdict.Observed
	if b.Object.Spec.Adopt == v1alpha1.AdoptIfSameRole && policy.Check(b.Connection.Object, ask).Allowed {
		ways += ", or set spec.role: " + text.Words(r.Verdict.Observed)
	}
	if ways == "" {
		return "; the rules of " + b.Connection.Words + " do not let this binding take it over"
	}
	return ways
}

// needsRead reports whether what is said of the binding rests on a read of the token.
func (p Progress) needsRead(i int) bool {
	b, r := &p.Situation.Bindings[i], p.Decision.Rulings[i]
	takes := r.Class == roleset.Want && p.Situation.claimOf(b) == nil
	wanted := r.enforced() == roleset.Want || b.looksOn(r)
	return takes || r.enforced() == roleset.Leave || (wanted && (p.Situation.takesRead(b) || !b.Looked()))
}

func pendingChange(o roleset.Outcome) bool {
	return o == roleset.Add || o == roleset.Update || o == roleset.Remove
}

// undone is the fault of a binding whose change was not made.
func (p Progress) undone(i int, refused map[roleset.Target]*fault.Fault) *fault.Fault {
	s, r := &p.Situation, p.Decision.Rulings[i]
	b := &s.Bindings[i]
	if b.Observes() && r.Class == roleset.None || r.withheld() {
		return nil
	}
	if f := refused[s.entry(&p.Decision, i)]; f != nil {
		return f
	}
	reason := v1alpha1.ReasonDriftDetected
	if r.Class == roleset.Leave {
		reason = v1alpha1.ReasonRevoking
	}
	return fault.NotTrue(v1alpha1.ConditionSynced, reason, "Astro holds %s on %s; the operator looks again",
		text.Words(cmp.Or(r.Verdict.Observed, "no role")), b.where(&r))
}

// without reports whether a binding is known to be without its role: it was read afresh, and Astro did not answer to the write that was
// to give it, or it cannot be restored. The connection may have nothing to tell, since it is only read through. A rate limit slows it down
// and is no trouble.
func (p Progress) without(i int, r Ruling) bool {
	s := &p.Situation
	lost := s.Lost[s.Bindings[i].Connection.ID]
	unanswered := lost != nil && r.Fault == lost && lost.Reason != v1alpha1.ReasonRateLimited &&
		s.Token.Presence == Present && s.Token.ByID && r.Class == roleset.Want && pendingChange(r.Verdict.Outcome)
	return unanswered || s.unrestorable(&s.Bindings[i], r)
}

// unrestorable reports whether the role that a binding was given, by its status, is missing from the token, and cannot be restored because
// nobody can look at its target or read its namespace, or its connection is not ready. As long as it is in place, that changes nothing.
func (s *Situation) unrestorable(b *Binding, r Ruling) bool {
	f := r.Fault
	if f == nil || !f.Transient || f.Silent || f.Reason == v1alpha1.ReasonRateLimited {
		return false
	}
	unchecked := b.LabelsErr != nil && f.Condition == v1alpha1.ConditionAccepted || b.Target.Err != nil && errors.Is(f.Err, b.Target.Err)
	return (unchecked || f.Reason == v1alpha1.ReasonConnectionNotReady && s.seesGap(b)) &&
		s.presenceTo(b) == Present && s.drifted(b) && b.Recovered.IsZero() && b.Object.Status.Role == b.Role()
}

// seesGap reports whether what others saw of the token's roles counts for a binding whose connection is not ready: it was read afresh, or
// the binding has been told already, and all of its roles are shown.
func (s *Situation) seesGap(b *Binding) bool {
	return (s.Token.ByID || !b.UpToDate()) && !b.leaving(s.Now) && !s.partial(b.entry(nil))
}

// unconfirmedFault is the fault of a change that Astro took and does not show.
func (p Progress) unconfirmedFault(i int) *fault.Fault {
	r := p.Decision.Rulings[i]
	words, unseen := p.Situation.Unseen[p.Situation.entry(&p.Decision, i)]
	wants := r.enforced() == roleset.Want && r.Verdict.Outcome == roleset.InSync
	if !unseen || !wants && (r.enforced() != roleset.Leave || r.Verdict.Outcome != roleset.Gone) {
		return nil
	}
	return fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonDriftDetected, "%s", words)
}

// unproven reports whether a role is kept by a binding whose credential is not known to be allowed to write it, and could not be tried:
// nothing may be written through a connection that observes or for a binding on hold, one that is not Ready cannot be used, and the
// answer was none. Else whoever breaks a connection of their own keeps a role that it could never have given.
func (p Progress) unproven(i int) bool {
	at, known := p.Decision.byID[p.Decision.Rulings[i].Verdict.Winner]
	if !known {
		return false
	}
	s := &p.Situation
	keeper, own := &s.Bindings[at], &s.Bindings[i]
	if keeper.Connection.Credential == own.Connection.Credential || s.proven(keeper, p.Decision.Rulings[at].Target) {
		return false
	}
	return !s.Memory.Writers[keeper.Connection.Credential] || !s.revokesInVain(own, s.entry(&p.Decision, i))
}

// winnerRole is the role of the binding that has the say, as far as the rules let the reader know, or Astro shows it.
func (p Progress) winnerRole(i int, v roleset.Verdict) string {
	s := &p.Situation
	at, known := p.Decision.byID[v.Winner]
	if v.WinnerRole == v.Observed || known && mayName(&s.Bindings[i], &p.Decision.Rulings[i], &s.Bindings[at]) {
		return v.WinnerRole
	}
	return "another role"
}

// bindingWords names another binding, as far as the rules let the reader know.
func (p Progress) bindingWords(i int, id string) string {
	s := &p.Situation
	if at, known := p.Decision.byID[id]; known {
		return nameOf(&s.Bindings[i], &p.Decision.Rulings[i], &s.Bindings[at])
	}
	return unnamed
}

func blocked(b *Binding, r *Ruling, why roleset.Block) *fault.Fault {
	switch why {
	case roleset.OwnScopeRole:
		return fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonOwnScopeRoleProtected,
			"%s is where the token was made, and its role there is never changed; bind another target", b.where(r))
	default:
		return ownScopeUnseen()
	}
}
