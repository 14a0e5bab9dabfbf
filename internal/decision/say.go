package decision

import (
	"cmp"
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// yieldPlaces has a binding whose role Astro refuses stand back for what can be done in its place: a role that goes, which that refusal
// would keep up although nobody declares it any more, or another role that Astro has not refused. What is invalid leaves the place to
// others only if the binding holds nothing itself; what is forbidden to its API token does so in any case.
func (s *Situation) yieldPlaces(d *Decision) {
	refused := s.refusedWishes(d)
	if len(refused) == 0 {
		return
	}
	leaving, given, shared := map[roleset.Target]bool{}, map[roleset.Target]bool{}, map[wish]bool{}
	for i := range s.Bindings {
		b, entry := &s.Bindings[i], s.entry(d, i)
		switch {
		case d.Rulings[i].Class == roleset.Leave:
			leaving[entry] = true
		case d.Rulings[i].Class == roleset.Want && refused.of(b, entry) == nil:
			given[entry], shared[wish{entry, b.Role(), ""}] = true, true
		}
	}
	for i := range s.Bindings {
		b, entry := &s.Bindings[i], s.entry(d, i)
		old := refused.of(b, entry)
		if old == nil || d.Rulings[i].Class != roleset.Want || shared[wish{entry, b.Role(), ""}] { // another's credential may give it
			continue
		}
		if leaving[entry] || given[entry] && (s.claimOf(b) == nil || old.Forbidden) {
			d.Rulings[i].Class, d.Rulings[i].Fault = roleset.None, old.Fault
		}
	}
}

// wish is a role that is wanted in a place. What is forbidden is so to one credential, what is invalid to all.
type wish struct {
	roleset.Target
	role, credential string
}

type wishes map[wish]*Refusal

// refusedWishes are the wanted roles that Astro refuses for now, and that are not there.
func (s *Situation) refusedWishes(d *Decision) wishes {
	all := wishes{}
	for i := range s.Bindings {
		b, entry := &s.Bindings[i], s.entry(d, i)
		old, known := s.Memory.refusal(b, entry, b.Role())
		if d.Rulings[i].Class != roleset.Want || !known || !s.resting(i, old) || s.roleOn(entry) == b.Role() {
			continue
		}
		switch {
		case old.Invalid:
			all[wish{entry, b.Role(), ""}] = &old
		case old.Forbidden:
			all[wish{entry, b.Role(), b.Connection.Credential}] = &old
		}
	}
	return all
}

// of is why Astro refuses the role of a binding, if it does.
func (w wishes) of(b *Binding, entry roleset.Target) *Refusal {
	return cmp.Or(w[wish{entry, b.Role(), ""}], w[wish{entry, b.Role(), b.Connection.Credential}])
}

// discount takes the say from claims through a credential that Astro does not let write the token, where a claim through
// another credential speaks of the same place: it could neither give the role nor take it away.
func (s *Situation) discount(d *Decision) {
	others := map[roleset.Target]map[string]bool{}
	for i := range s.Bindings {
		if entry := s.entry(d, i); d.Rulings[i].Class != roleset.None {
			if others[entry] == nil {
				others[entry] = map[string]bool{}
			}
			others[entry][s.Bindings[i].Connection.Credential] = true
		}
	}
	for i := range s.Bindings {
		may, known := s.Memory.mayWrite(&s.Bindings[i].Connection)
		if known && !may && len(others[s.entry(d, i)]) > 1 && d.Rulings[i].Class != roleset.None {
			d.Rulings[i].Overruled = d.Rulings[i].Class == roleset.Leave
			d.Rulings[i].Denied = true
			d.Rulings[i].Class = roleset.None
			d.Rulings[i].Fault = fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonPermissionDenied,
				"Astro does not let the API token of %s write the roles of %s, and another binding speaks of the same role; "+
					"give the connection's API token a role that may do this, such as ORGANIZATION_OWNER, and ask for another try by the annotation %s",
				s.Bindings[i].Connection.Words, s.Bindings[i].TokenWords(), v1alpha1.AnnotationRequestedAt)
		}
	}
}

// doubtClaims takes the say from claims through a credential that may write the token, but is not known to be allowed to write this
// very role, where a claim through another credential leaves, or wants another role and is known to be.
func (s *Situation) doubtClaims(d *Decision) {
	for place, at := range s.contested(d) {
		for _, i := range at {
			b, r := &s.Bindings[i], &d.Rulings[i]
			wants := r.Class == roleset.Want
			if !wants && r.Class != roleset.Hold || !s.Memory.Writers[b.Connection.Credential] || s.proven(b, r.Target) {
				continue
			}
			for _, j := range at {
				other := &s.Bindings[j]
				switch {
				case other.Connection.Credential == b.Connection.Credential:
				case wants && s.revokesFirst(other, d.Rulings[j].Class, place): // who is on hold gives nothing again
					r.Class, r.Fault = roleset.None, revokedFirst(b, r, other)
				case s.outranks(other, &d.Rulings[j], b, !wants):
					r.Class, r.Fault = roleset.None, cmp.Or(r.Fault, s.outranked(b))
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
// what it found there: that one could hold the place for ever, and could not give it any other role, nor, on hold, the same again.
func (s *Situation) outranks(other *Binding, r *Ruling, b *Binding, onHold bool) bool {
	may, known := s.Memory.mayWrite(&other.Connection)
	found := b.Claim == nil || b.Claim.Origin == v1alpha1.OriginAdopted
	differs := onHold || other.Role() != b.Role()
	return found && r.Class == roleset.Want && differs && (may || !known) && s.entitled(other, r.Target)
}

// revokedFirst is said by a binding that has to wait until another one has given the role up. One that has the role is not told.
func revokedFirst(b *Binding, r *Ruling, other *Binding) *fault.Fault {
	f := fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonRevoking, "%s is to give its role in this place up first, since the API token of %s "+
		"is not known to be allowed to write roles there; this role is given, or given again, once that is done", nameOf(b, r, other), b.Connection.Words)
	f.Transient = true
	return f
}

func (s *Situation) outranked(b *Binding) *fault.Fault {
	return fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonPermissionDenied,
		"another binding declares another role, through a connection whose API token is known to be allowed to write it, and the API token of %s "+
			"is not; make it an owner of the Workspace or of the Organization, or declare the same role", b.Connection.Words)
}

// revokesInVain reports whether Astro forbids the binding to take its role away. What stands in the way otherwise may be somebody else's.
func (s *Situation) revokesInVain(b *Binding, place roleset.Target) bool {
	old, refused := s.Memory.refusal(b, place, "")
	return refused && old.Forbidden
}
