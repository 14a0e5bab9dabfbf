package decision

import (
	"errors"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// After is the progress once an effect was performed. Each result that says something about the token or its bindings
// makes a new situation, on which everything is decided anew.
func After(p Progress, e Effect, result any) Progress {
	switch r := result.(type) {
	case TokenRead:
		return p.afterRead(e, r)
	case Patched:
		return p.afterFinalizers(r)
	case Stored:
		return p.afterJournal(e, r)
	case Permitted:
		return p.afterLimit(e, r)
	case Replaced:
		return p.afterPost(r)
	case Findings:
		return p.afterFindings(r)
	case Reported:
		return p.afterReport(e, r)
	}
	return p
}

// Sending is the progress at the moment in which a Post may reach Astro: from now on, what is found there may be of the
// bindings' own making.
func Sending(p Progress, e Post) Progress {
	p.sending = &e
	var sent []types.UID
	for _, c := range e.Changes {
		if c.To == "" {
			continue
		}
		for _, i := range p.Decision.indices(c.Claims) {
			uid := p.Situation.Bindings[i].Object.UID
			if _, pending := p.Situation.Pending[uid]; pending || p.Situation.Bindings[i].Claim == nil {
				sent = append(sent, uid)
			}
		}
	}
	return p.pend(sent, func(_ types.UID, n *Pending) { n.Sent = true })
}

// Close gives the write slot back that the last read was made in.
func Close(p Progress) Progress {
	p.slot = false
	return p
}

// afterRead takes in a read of the token. What the bindings were before the wait for the slot does not count any more.
func (p Progress) afterRead(e Effect, r TokenRead) Progress {
	through, inSlot := throughOf(e)
	refusedRead := inSlot && errors.Is(r.Err, astro.ErrForbidden) && p.challenges(through)
	if p.sending != nil {
		p.Situation.Memory = p.unanswered(*p.sending, p.Situation.Now)
	}
	p.slot, p.sending = false, nil
	if inSlot {
		p.slots++
	}
	if p.slots == maxSlots {
		p = p.wake(soon)
	}
	if r.Bindings != nil {
		p.Situation.Memory = p.Situation.requestedBy(r.Bindings)
		p.unsent = append(slices.Clip(p.unsent), p.goneUnsent(r.Bindings)...)
		p.Situation.Bindings = p.withSent(r.Bindings)
		p.Situation.Token.CredentialOf, p.Situation.Token.Protected = r.CredentialOf, r.Protected
	}
	if !r.Now.IsZero() {
		p.Situation.Now = r.Now
	}
	if r.Err != nil {
		if refusedRead { // who may not read the token may not write it
			p.Situation.Memory = p.Situation.writerThrough(through, false)
		}
		return p.notRead(through, r.Err).decide()
	}
	if r.Unchecked != nil {
		return p.notChecked(through, r.Unchecked).decide()
	}
	if r.Credential != "" && r.Credential != p.Situation.credential(through) { // what Astro says to it is not about the new one
		return p.wake(soon).lose(through, fault.Quiet()).decide()
	}
	p.slot = inSlot
	p.Situation.Token = p.Situation.Token.shown(r.Token, p.Situation.Now)
	return p.decide()
}

// challenges reports whether the write that is on its way through a connection shows whether its credential may write the token at all:
// that is all it is for, or nobody knows, and it is for a role of which a claim through another credential speaks.
func (p Progress) challenges(through string) bool {
	s, part := &p.Situation, p.part()
	c := s.connection(through)
	if len(part) == 0 || c == nil {
		return len(part) == 0
	}
	if _, known := s.Memory.mayWrite(c); known {
		return false
	}
	places := s.contested(&p.Decision)
	return slices.ContainsFunc(part, func(change Change) bool {
		return slices.ContainsFunc(places[change.Target], func(i int) bool { return s.Bindings[i].Connection.Credential != c.Credential })
	})
}

// withSent are bindings with the claims for which a write may have reached Astro: from now on they are claims that only the
// journal has, whatever has become of the bindings.
func (p Progress) withSent(bindings []Binding) []Binding {
	all := slices.Clone(bindings)
	for i := range all {
		b := &all[i]
		pending := p.Situation.Pending[b.Object.UID]
		if b.Claim != nil || !pending.Sent {
			continue
		}
		b.Claim, b.Journaled = &pending.Claim, true
		if !pending.Given {
			b.Recovered = p.Situation.Now
		}
	}
	return all
}

// goneUnsent are the bindings that are not among those of now, and whose claim is in the journal although nothing was sent for it.
// As an orphan's, it would take the role from whoever gives it later.
func (p Progress) goneUnsent(now []Binding) (all []types.UID) {
	there := make(map[types.UID]bool, len(now))
	for i := range now {
		there[now[i].Object.UID] = true
	}
	for i := range p.Situation.Bindings {
		if b := &p.Situation.Bindings[i]; !there[b.Object.UID] && p.Situation.unsent(b) {
			all = append(all, b.Object.UID)
		}
	}
	return all
}

func throughOf(e Effect) (through string, inSlot bool) {
	switch e := e.(type) {
	case Read:
		return e.Through, false
	case ReadForWrite:
		return e.Through, true
	}
	return "", false
}

// notRead remembers that nobody can read or write the token through the connection now.
func (p Progress) notRead(through string, err error) Progress {
	f := fault.FromAstroError(v1alpha1.ConditionSynced, "read the token", err)
	switch {
	case errors.Is(err, astro.ErrNotFound): // the listing is behind: the next look asks by id, and for proof
		f = fault.Quiet()
		p = p.Retry(err)
	case !errors.Is(err, astro.ErrForbidden): // that is tried again by the next sweep
		p = p.Retry(err)
	}
	return p.lose(through, f)
}

// notChecked remembers that nobody knows whether the connections still say what the write was decided on, so that it is not made.
func (p Progress) notChecked(through string, err error) Progress {
	const doing = "look at the connection right before the write"
	f := fault.FromKubernetesError(v1alpha1.ConditionSynced, doing, err)
	if f == nil {
		f = fault.CouldNotCheck(v1alpha1.ConditionSynced, v1alpha1.ReasonUnreachable, "%s: %v; the operator tries again by itself", doing, err)
		f.Transient = true
	}
	return p.Retry(err).lose(through, f)
}

// afterLimit takes in which of the removals the limit lets through; those that are not among them it does not.
func (p Progress) afterLimit(e Effect, r Permitted) Progress {
	asked, _ := e.(MayRevoke)
	permitted, limited := maps.Clone(p.permitted), maps.Clone(p.Situation.Limited)
	if permitted == nil {
		permitted = map[roleset.Target]bool{}
	}
	if limited == nil {
		limited = map[roleset.Target]bool{}
	}
	for _, t := range asked.Targets {
		permitted[t] = true
		if !r.Targets[t] {
			limited[t] = true
		}
	}
	p.permitted, p.Situation.Limited = permitted, limited
	return p.decide()
}
