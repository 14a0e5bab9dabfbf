package decision

import (
	"errors"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// Begin starts the work on a token. Where a user asks for another try, what stands in its way is forgotten.
func Begin(s Situation) Progress {
	s.Memory = s.Memory.ofCredentials(s.Bindings)
	for i := range s.Bindings {
		s.Memory = s.Memory.requestedOn(&s.Bindings[i])
	}
	if s.Token.ByID && s.Token.At.IsZero() {
		s.Token.At = s.Now
	}
	s.Memory = s.Memory.arrived(&s)
	return Progress{Situation: s}.retryLookups().decide()
}

// retryLookups asks for another reconcile where something could not be looked up.
func (p Progress) retryLookups() Progress {
	s := &p.Situation
	errs := []error{s.Token.Err}
	for i := range s.Bindings {
		errs = append(errs, s.Bindings[i].Target.Err)
		if err := s.Token.Unasked[s.Bindings[i].Connection.ID]; errors.Is(err, astro.ErrThrottled) && s.unasked(&s.Bindings[i]) {
			p = p.Retry(err) // who could not be asked for another reason is asked again in a while
		}
		if s.Bindings[i].LabelsErr != nil {
			p = p.Retry(s.Bindings[i].LabelsErr)
		}
	}
	for _, err := range errs {
		if err != nil && fault.FromAstroError("", "", err).Transient {
			p = p.Retry(err)
		}
	}
	return p
}

// Next says what is to be done now; nil once everything is done.
func Next(p Progress) Effect {
	s, d := &p.Situation, p.Decision
	switch {
	case p.sending != nil:
		return *p.sending
	case p.refused != nil:
		return p.diagnosis()
	case len(d.ReadFirst) > 0:
		return Read{Through: s.Bindings[d.ReadFirst[0]].Connection.ID}
	case len(d.Finalizers) > 0:
		return AddFinalizers{Bindings: s.uids(d.Finalizers)}
	}
	if part := p.part(); len(part) > 0 && p.slots < maxSlots {
		return p.nextOf(part)
	}
	if through := p.toChallenge(); through != "" {
		return p.nextChallenge(through)
	}
	if len(d.Looks) > 0 {
		return Read{Through: s.Bindings[d.Looks[0]].Connection.ID}
	}
	return p.ending()
}

// Writes is the connection through which the token is to be written next; empty if it is not. Before a write, claims and
// finalizers come first, so that it is known as soon as they are.
func (p Progress) Writes() string {
	if part := p.part(); len(part) > 0 {
		return p.through(part)
	}
	if first := p.Decision.ReadFirst; len(first) > 0 {
		return p.Situation.Bindings[first[0]].Connection.ID
	}
	return p.toChallenge()
}

// ActsFor are the bindings for which the next write is made, by their place in the situation. Whether it may be made is for their
// connections to say.
func (p Progress) ActsFor() (all []int) {
	part := p.part()
	for _, c := range part {
		all = append(append(all, c.Owner), p.Decision.indices(c.Claims)...)
	}
	if through := p.toChallenge(); len(part) == 0 && through != "" {
		all = append(all, slices.IndexFunc(p.Situation.Bindings, func(b Binding) bool { return b.Connection.ID == through }))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// nextOf brings a part of the changes to Astro: what it gives is in the journal before the slot is waited for, and is
// what is decided again on the read in the slot.
func (p Progress) nextOf(part []Change) Effect {
	if missing := p.unjournaled(part); len(missing) > 0 {
		return WriteJournal{Claims: missing}
	}
	through := p.through(part)
	if !p.slot {
		return ReadForWrite{Through: through}
	}
	if limit := p.unpermitted(part); len(limit.Targets) > 0 {
		return limit
	}
	return Post{Through: through, Changes: part, Roles: p.roles(part)}
}

// toChallenge is the connection whose credential has to show that it may write the token; empty if there is none.
func (p Progress) toChallenge() string {
	if p.Situation.Token.Presence != Present || p.slots >= maxSlots {
		return ""
	}
	return p.Situation.challenge(p.Decision)
}

func (p Progress) nextChallenge(through string) Effect {
	if !p.slot {
		return ReadForWrite{Through: through}
	}
	return Post{Through: through, Roles: p.Situation.Token.Token.Roles}
}

// diagnosis looks for the cause of a refusal; for dangling roles only if a single change is refused, once, and as long as
// Astro has taken no write of this token.
func (p Progress) diagnosis() Effect {
	return Diagnose{
		Through: p.through(p.refused.changes), Changes: p.refused.changes,
		Dangling: len(p.refused.changes) == 1 && !p.searched && p.accepted == 0,
	}
}

// ending reports, between taking out of the journal what was not given and what the statuses hold. Bindings that leave come
// last: what they held may be another one's by then.
func (p Progress) ending() Effect {
	if idle := p.notGiven(); len(idle) > 0 {
		return Withdraw{Bindings: idle}
	}
	for _, leaving := range []bool{false, true} {
		if due := p.untold(leaving); len(due) > 0 {
			return Report{Statements: due}
		}
	}
	if told := p.told(); len(told) > 0 && !p.cleared {
		return Clear{Bindings: told}
	}
	return nil
}

// untold are the statements that were not reported yet, of bindings that stay or that leave. What leaves may hang on what those
// that stay hold by then.
func (p Progress) untold(leaving bool) (due []Statement) {
	refused := p.refusals()
	for i := range p.Situation.Bindings {
		r := &p.Decision.Rulings[i]
		if (r.enforced() == roleset.Leave || r.Overruled || p.Situation.Bindings[i].Orphan) == leaving && !p.reported[p.Situation.Bindings[i].Object.UID] {
			due = append(due, p.statement(i, p.concluded(i, refused)))
		}
	}
	return due
}

// notGiven are the bindings whose claim is in the journal although nothing was sent for it, those that are gone by now among them.
func (p Progress) notGiven() (all []types.UID) {
	all = slices.Clone(p.unsent)
	for i := range p.Situation.Bindings {
		if b := &p.Situation.Bindings[i]; p.Situation.unsent(b) {
			all = append(all, b.Object.UID)
		}
	}
	return slices.DeleteFunc(all, func(uid types.UID) bool { return p.withdrawn[uid] })
}

// unsent reports whether the journal has the claim of a binding although nothing was sent for it. An entry of before counts once it is
// known that its write does not arrive any more.
func (s *Situation) unsent(b *Binding) bool {
	pending, lapsed := s.Pending[b.Object.UID], b.Journaled && b.Claim == nil
	return (pending.Journaled && !b.Journaled || lapsed) && !pending.Sent
}

// told are the bindings whose claim the journal holds and need not any more: it stands in the status now, or is left.
func (p Progress) told() (all []types.UID) {
	refused := p.refusals()
	for i := range p.Situation.Bindings {
		b := &p.Situation.Bindings[i]
		uid := b.Object.UID
		if journaled := b.Journaled || p.Situation.Pending[uid].Journaled && !p.withdrawn[uid]; !journaled || p.unwritten[uid] {
			continue
		}
		if st := p.statement(i, p.concluded(i, refused)); st.Release || st.Left || st.holds() {
			all = append(all, uid)
		}
	}
	return all
}
