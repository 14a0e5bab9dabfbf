package decision

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/audit"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// AuditReport is what the audit log says once statements are carried out, by their binding: a role that stays in Astro as it
// is, and whose claim is given up, or was taken. What was written to Astro, Audit tells of.
func (p Progress) AuditReport(e Report) map[types.UID]audit.Entry {
	all, at := map[types.UID]audit.Entry{}, p.Situation.byUID()
	var places map[roleset.Target][]int
	for _, st := range e.Statements {
		i := at[st.UID]
		cause := p.stayCause(i, st)
		if cause == "" || p.stayingRole(i) == "" {
			continue
		}
		if places == nil {
			places = p.byPlace()
		}
		if entry, is := p.auditStay(i, cause, places); is {
			all[st.UID] = entry
		}
	}
	return all
}

// stayCause is why a role stays that a binding gives up, or takes up; empty if it does neither.
func (p Progress) stayCause(i int, st Statement) audit.Cause {
	b := &p.Situation.Bindings[i]
	leaves := st.Left || st.Write && !st.holds() && !b.Journaled // so says the status
	kept := st.Kept && !st.Revoked && p.Decision.Rulings[i].enforced() == roleset.Leave && b.Claim != nil &&
		p.stayingRole(i) == b.Claim.Role // else the role was changed to the other binding's, and that was told
	switch {
	case b.Claim == nil && !st.Changed && st.Write && st.holds() && st.Status.Origin == v1alpha1.OriginAdopted:
		return audit.Adopted
	case b.Claim == nil:
		return ""
	case b.Deleting() && st.Release && b.MayStay():
		return stayWish(b)
	case kept && (b.Deleting() && st.Release || leaves):
		return p.leavingCause(i)
	case !b.Deleting() && b.Observes() && leaves:
		return audit.Observe
	}
	return ""
}

// stayWish is which wish of the user a role stays by.
func stayWish(b *Binding) audit.Cause {
	switch {
	case b.Object.Annotations[v1alpha1.AnnotationRelease] == "true":
		return audit.Release
	case b.Retains():
		return audit.Retain
	}
	return audit.Observe
}

// stayingRole is the role in the place of a binding: as Astro shows it, or, where nobody looked, as it was last reported.
func (p Progress) stayingRole(i int) string {
	b := &p.Situation.Bindings[i]
	switch {
	case p.Situation.Token.Presence == Present:
		return p.Situation.roleOn(p.Situation.entry(&p.Decision, i))
	case p.Situation.presenceTo(b) == Gone || b.Claim == nil:
		return ""
	}
	return b.Claim.Role
}

// auditStay is the entry about a role that stays. Of several bindings that take up the same role, the first is told of.
func (p Progress) auditStay(i int, cause audit.Cause, places map[roleset.Target][]int) (audit.Entry, bool) {
	s := &p.Situation
	place, on := s.entry(&p.Decision, i), []int{i}
	for _, j := range places[place] {
		class := p.Decision.Rulings[j].Class
		if j != i && (class == roleset.Want || class == roleset.Hold) {
			if cause == audit.Adopted && (s.Bindings[j].Claim != nil || j < i) {
				return audit.Entry{}, false
			}
			on = append(on, j)
		}
	}
	e := s.auditEntry(s.Bindings[i].Connection.ID)
	e.Target, e.Cause, e.Bindings, e.Outcome = s.auditTarget(&p.Decision, place, on), cause, s.auditBindings(on), audit.Retained
	e.From = p.stayingRole(i)
	e.To, e.UpdatedBy = e.From, auditText(s.Token.Token.UpdatedBy)
	if cause != audit.Adopted && len(on) == 1 {
		e.Outcome = audit.Released
	}
	return e, true
}
