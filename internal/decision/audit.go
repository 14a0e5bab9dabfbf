package decision

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
	"github.com/scopedtoken/scopedtoken-operator/internal/audit"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/resolve"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// Audit is what the audit log says of a set that was sent to Astro: an entry for each change in it, and for each role that
// is left out because its target is gone. There is none for a set that was refused as a whole and is tried in parts, nor
// for one that Astro did not look at.
func (p Progress) Audit(sent Post, a astro.Attempt) []audit.Entry {
	outcome := p.outcome(sent, a)
	if outcome == "" {
		return nil
	}
	s := &p.Situation
	blank := s.auditEntry(sent.Through)
	blank.Outcome, blank.RequestID, blank.UpdatedBy = outcome, a.RequestID, auditText(s.Token.Token.UpdatedBy)
	places := p.byPlace()
	all := make([]audit.Entry, 0, len(sent.Changes))
	for _, c := range sent.Changes {
		e := blank
		e.Target, e.From, e.To = s.auditTarget(&p.Decision, c.Target, places[c.Target]), c.From, c.To
		e.Cause, e.Bindings = p.causeOf(c, places[c.Target])
		e.Inventory = s.auditInventory(p.Decision.indices(c.Claims))
		if slices.Contains(a.Accessors, c.Target.Key()) {
			e.To = accessorRole(c.Target.Kind) // Astro has put it there itself
		}
		all = append(all, e)
	}
	return append(all, p.auditDropped(sent, blank, places)...)
}

// outcome is what an attempt came to; empty: nothing that the log tells of.
func (p Progress) outcome(sent Post, a astro.Attempt) audit.Outcome {
	switch {
	case a.Err == nil && a.Confirmed:
		return audit.Confirmed
	case a.Err == nil:
		return audit.Written
	case a.Uncertain:
		return audit.Unknown
	case fault.Refused(a.Err) && p.splits(sent):
		return ""
	case fault.Refused(a.Err), errors.Is(a.Err, astro.ErrUnauthorized):
		return audit.Refused
	}
	return ""
}

// auditDropped are the roles that are left out of a set because their target is gone. Where nobody declared such a role, it
// goes for the sake of what is written with this set.
func (p Progress) auditDropped(sent Post, blank audit.Entry, places map[roleset.Target][]int) (all []audit.Entry) {
	s, dropped := &p.Situation, p.dropped(sent.Changes)
	if len(dropped) == 0 {
		return nil
	}
	var beneficiaries []int
	for _, c := range sent.Changes {
		beneficiaries = append(beneficiaries, p.Decision.indices(c.Claims)...)
	}
	for _, role := range dropped {
		e, place := blank, roleset.Target{Kind: role.EntityType, ID: role.EntityID}
		by := places[place]
		e.Target, e.From, e.Cause = s.auditTarget(&p.Decision, place, by), role.Role, audit.Dangling
		if len(by) == 0 {
			by = beneficiaries
		}
		e.Bindings = s.auditBindings(by)
		all = append(all, e)
	}
	return all
}

// byPlace are the bindings by the place in the role set that they speak of.
func (p Progress) byPlace() map[roleset.Target][]int {
	all := make(map[roleset.Target][]int, len(p.Situation.Bindings))
	for i := range p.Situation.Bindings {
		place := p.Situation.entry(&p.Decision, i)
		all[place] = append(all[place], i)
	}
	return all
}

// causeOf is why a change is made, and for which of the bindings in its place: those that want it, and those that leave.
func (p Progress) causeOf(c Change, there []int) (audit.Cause, []audit.Binding) {
	s := &p.Situation
	wanting := p.Decision.indices(c.Claims)
	leaving := slices.DeleteFunc(slices.Clone(there), func(i int) bool {
		return p.Decision.Rulings[i].Class != roleset.Leave || slices.Contains(wanting, i)
	})
	bindings := s.auditBindings(slices.Concat(wanting, leaving))
	if c.To == "" {
		return p.leavingCause(wanting[0]), bindings
	}
	holder := slices.IndexFunc(wanting, func(i int) bool { return s.Bindings[i].Claim != nil && !s.Bindings[i].Journaled })
	switch {
	case holder < 0:
		return audit.Granted, bindings
	case len(leaving) > 0:
		return p.leavingCause(leaving[0]), bindings
	case s.Bindings[wanting[holder]].granted() == "":
		return audit.Granted, bindings
	case s.Memory.changedByOthers(&s.Bindings[wanting[holder]], c):
		return audit.Drift, bindings
	case c.From == "" && s.Bindings[wanting[holder]].granted() == c.To: // the operator itself had taken it away
		return audit.Granted, bindings
	}
	return audit.RoleEdited, bindings
}

// leavingCause is why a binding gives its role up.
func (p Progress) leavingCause(i int) audit.Cause {
	b := &p.Situation.Bindings[i]
	switch {
	case b.Undeclared:
		return audit.Undeclared
	case b.Orphan:
		return audit.Orphan
	case b.Deleting():
		return audit.Deleted
	case p.Decision.Rulings[i].Expired:
		return audit.Expired
	case p.Decision.Rulings[i].Retarget:
		return audit.Retargeted
	}
	return audit.Withdrawn
}

// auditEntry is an entry about the token, through the connection.
func (s *Situation) auditEntry(through string) audit.Entry {
	e := audit.Entry{Token: audit.Named{ID: s.Key.Token, Name: auditText(s.Token.Token.Name)}, Organization: audit.Named{ID: s.Key.Organization}}
	kind, rest, _ := strings.Cut(through, "/")
	namespace, name, _ := strings.Cut(rest, "/")
	e.Connection = audit.Connection{Kind: kind, Namespace: namespace, Name: name}
	for i := 0; i < len(s.Bindings) && (e.Organization.Name == "" || e.Token.Name == ""); i++ {
		b := &s.Bindings[i]
		if b.Connection.ID == through && b.Connection.Object != nil && b.Connection.Organization == s.Key.Organization {
			e.Organization.Name = auditText(cmp.Or(b.Connection.OrganizationName, b.Connection.Object.ConnectionStatus().OrganizationName))
		}
		if e.Token.Name == "" && b.Object.Status.Token.ID == s.Key.Token {
			e.Token.Name = auditText(b.Object.Status.Token.Name)
		}
	}
	return e
}

// auditTarget is a place, with the name under which one of the bindings knows it.
func (s *Situation) auditTarget(d *Decision, place roleset.Target, by []int) audit.Target {
	t := audit.Target{Kind: string(resolve.Kinds[place.Kind]), ID: place.ID}
	if t.Kind == "" {
		t.Kind = string(place.Kind)
	}
	for _, i := range by {
		found, status := d.Rulings[i].Target, s.Bindings[i].Object.Status.Target
		switch {
		case found != nil && found.ID == place.ID && found.Name != "":
			t.Name = auditText(found.Name)
			return t
		case status.ID == place.ID && status.Name != "":
			t.Name = auditText(status.Name)
		}
	}
	return t
}

func (s *Situation) auditBindings(at []int) []audit.Binding {
	all := make([]audit.Binding, 0, len(at))
	seen := map[types.UID]bool{}
	for _, i := range at {
		if o := s.Bindings[i].Object; !seen[o.UID] && !s.Bindings[i].Undeclared {
			seen[o.UID] = true
			all = append(all, audit.Binding{Namespace: o.Namespace, Name: o.Name, UID: string(o.UID)})
		}
	}
	return all
}

// auditInventory is the first inventory among those for which a role is removed; nil if there is none.
func (s *Situation) auditInventory(at []int) *audit.Binding {
	for _, i := range at {
		if o := s.Bindings[i].Object; s.Bindings[i].Undeclared {
			return &audit.Binding{Namespace: o.Namespace, Name: o.Name, UID: string(o.UID)}
		}
	}
	return nil
}

// maxWords is how long a name of Astro's may be in the log.
const maxWords = 256

// auditText is a name of Astro's, clipped for the log.
func auditText(name string) string { return text.Clip(name, maxWords+len("…")) }
