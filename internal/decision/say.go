package decision

import (
	"slices"
	"strings"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// owns reports whether the connection's API token is an owner of the Organization or of the Workspace, which may write any role there.
func (c *Connection) owns(workspace string) bool {
	return slices.ContainsFunc(c.Own, func(r astro.Role) bool {
		switch r.EntityType {
		case astro.EntityOrganization:
			return r.EntityID == c.Organization && r.Role == "ORGANIZATION_OWNER"
		case astro.EntityWorkspace:
			return r.EntityID == workspace && r.Role == "WORKSPACE_OWNER"
		default:
			return false
		}
	})
}

// rights stand for what the connection's API token may do.
func (c *Connection) rights() string { return strings.Join(astro.Rights(c.Own), "\n") }

// workspaceOf is the Workspace of the place that a binding speaks of; empty if it is not known.
func (s *Situation) workspaceOf(b *Binding, found *astro.Target) string {
	if place := b.entry(found); place.Kind == astro.EntityWorkspace {
		return place.ID
	}
	return targetFacts(b, found).WorkspaceID
}

// proven reports whether the credential of a binding is known to be allowed to write the role that the binding speaks of. That it may
// write some role of the token does not tell: a Workspace's owner may write that of one Workspace and not that of another.
func (s *Situation) proven(b *Binding, found *astro.Target) bool {
	return s.Memory.Writers[b.Connection.Credential] && s.entitled(b, found)
}

// entitled reports whether the credential of a binding is to be allowed to write the role that the binding speaks of: by what it owns, or
// since it wrote it before, with the rights that it has now.
func (s *Situation) entitled(b *Binding, found *astro.Target) bool {
	c := &b.Connection
	rights, wrote := s.Memory.Wrote[Writing{Credential: c.Credential, Target: b.entry(found)}]
	return wrote && rights == c.rights() || c.owns(s.workspaceOf(b, found))
}

// doubtClaims takes the say from claims through a credential that may write the token, but is not known to be allowed to write this
// very role, where a claim through another credential leaves, or wants another role and is known to be.
func (s *Situation) doubtClaims(d *Decision) {
	for place, at := range s.contested(d) {
		for _, i := range at {
			b, r := &s.Bindings[i], &d.Rulings[i]
			if r.Class != roleset.Want || !s.Memory.Writers[b.Connection.Credential] || s.proven(b, r.Target) {
				continue
			}
			for _, j := range at {
				other := &s.Bindings[j]
				switch {
				case other.Connection.Credential == b.Connection.Credential:
				case s.revokesFirst(other, d.Rulings[j].Class, place):
					r.Class, r.Fault = roleset.None, fault.Quiet()
				case s.outranks(other, &d.Rulings[j], b):
					r.Class, r.Fault = roleset.None, s.outranked(b)
				}
			}
		}
	}
}

// contested are the bindings of each place of which claims through several credentials speak.
func (s *Situation) contested(d *Decision) map[roleset.Target][]int {
	same := func(b Binding) bool { return b.Connection.Credential == s.Bindings[0].Connection.Credential }
	if len(s.Bindings) == 0 || !slices.ContainsFunc(s.Bindings, func(b Binding) bool { return !same(b) }) {
		return nil
	}
	places := map[roleset.Target][]int{}
	for i := range s.Bindings {
		if d.Rulings[i].Class != roleset.None {
			place := s.entry(d, i)
			places[place] = append(places[place], i)
		}
	}
	return places
}

// revokesFirst reports whether a claim that leaves takes its role away, for those that stay to give it again, if they may: else a
// role would be left that nobody can take away.
func (s *Situation) revokesFirst(leaving *Binding, class roleset.Class, place roleset.Target) bool {
	return class == roleset.Leave && s.roleOn(place) != "" && !s.revokesInVain(leaving, place)
}

// outranks reports whether a claim through a credential that is entitled to write the role stands against one which only took over
// what it found there: that one could hold the place for ever, and could not give it any other role.
func (s *Situation) outranks(other *Binding, r *Ruling, b *Binding) bool {
	may, known := s.Memory.Writers[other.Connection.Credential]
	found := b.Claim == nil || b.Claim.Origin == v1alpha1.OriginAdopted
	return found && r.Class == roleset.Want && other.Role() != b.Role() && (may || !known) && s.entitled(other, r.Target)
}

func (s *Situation) outranked(b *Binding) *fault.Fault {
	return fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonPermissionDenied,
		"another binding declares another role, through a connection whose API token is known to be allowed to write it, and the API token of %s "+
			"is not; make it an owner of the Workspace or of the Organization, or declare the same role", b.Connection.Words)
}

// revokesInVain reports whether Astro has refused to let the binding take its role away.
func (s *Situation) revokesInVain(b *Binding, place roleset.Target) bool {
	_, refused := s.Memory.refusal(b, place, "")
	return refused
}
