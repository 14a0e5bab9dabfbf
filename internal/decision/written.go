package decision

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// afterPost takes in what became of a write. A set that Astro refuses is tried in parts, so that one bad binding does not
// hold up the others; each part starts from a read of its own.
func (p Progress) afterPost(r Replaced) Progress {
	sent := *p.sending
	p.sending, p.slot, p.permitted = nil, false, nil
	if !r.Now.IsZero() {
		p.Situation.Now = r.Now
	}
	if len(sent.Changes) == 0 {
		return p.challenged(sent, r).decide()
	}
	switch {
	case r.Err == nil:
		return p.written(sent, r.Update).decide()
	case !fault.Refused(r.Err):
		return p.notWritten(sent, r.Err).decide()
	case p.splits(sent):
		return p.notGivenBy(sent).split(sent.Changes).decide()
	case errors.Is(r.Err, astro.ErrForbidden):
		p.Situation.Memory = p.Situation.Memory.doubted(p.Situation.credential(sent.Through), targetsOf(sent.Changes)...)
		return p.notGivenBy(sent).refuse(sent.Changes, r.Err, Findings{}).decide()
	default:
		p.refused = &refusedPart{changes: sent.Changes, err: r.Err}
		return p.notGivenBy(sent)
	}
}

// challenged remembers whether the credential may write the token. Only a definite no counts against it.
func (p Progress) challenged(sent Post, r Replaced) Progress {
	through := sent.Through
	switch {
	case r.Err == nil:
		p.Situation.Memory = p.Situation.writerThrough(through, true)
		p.Situation.Token = p.Situation.Token.shown(r.Update.After, p.Situation.Now)
	case errors.Is(r.Err, astro.ErrForbidden):
		p.Situation.Memory = p.Situation.writerThrough(through, false)
	case errors.Is(r.Err, astro.ErrInvalid): // the set is refused as it is, which says nothing of the credential
		p.Situation.Memory = p.Situation.Memory.undecided(p.Situation.credential(through), p.Situation.Now)
	default:
		p.Situation.Memory = p.unanswered(sent, p.Situation.Now)
		return p.Retry(r.Err).lose(sent.Through, fault.FromAstroError(v1alpha1.ConditionSynced, "write the token's roles as they are", r.Err))
	}
	return p
}

// hopeless reports whether Astro refuses whatever it is asked, so that trying every change would be a waste: a dangling role
// stands in the way of all, and is not dropped for any of them. That it forbids some changes says nothing of the others, which may be
// on other targets.
func (p Progress) hopeless(changes []Change) bool {
	return p.accepted == 0 && len(p.Situation.Dead) > 0 && len(p.Situation.Drop) == 0 && !slices.ContainsFunc(changes, p.stillDrops)
}

// splits reports whether a set that Astro refuses is tried in parts, so that nobody knows yet what it refuses of it.
func (p Progress) splits(sent Post) bool { return len(sent.Changes) > 1 && !p.hopeless(sent.Changes) }

// split puts both halves of a refused part in its place.
func (p Progress) split(changes []Change) Progress {
	first, second := roleset.Halve(changes)
	rest := p.parts
	if len(rest) > 0 {
		rest = rest[1:]
	}
	p.parts = append([][]roleset.Target{targetsOf(first), targetsOf(second)}, rest...)
	return p
}

func targetsOf(changes []Change) []roleset.Target {
	all := make([]roleset.Target, 0, len(changes))
	for _, c := range changes {
		all = append(all, c.Target)
	}
	return all
}

// notGivenBy takes back that a write may have given the bindings their roles: Astro has definitely refused it.
func (p Progress) notGivenBy(sent Post) Progress {
	var taken []types.UID
	for _, uid := range p.claimants(sent.Changes) {
		if p.Situation.Pending[uid].Sent {
			taken = append(taken, uid)
		}
	}
	return p.pend(taken, func(_ types.UID, n *Pending) { n.Sent = false })
}

// notWritten remembers that the connection is of no use for now. What was sent may have reached Astro.
func (p Progress) notWritten(sent Post, err error) Progress {
	f := fault.FromAstroError(v1alpha1.ConditionSynced, fmt.Sprintf("%d change(s) to the token's roles", len(sent.Changes)), err)
	if len(sent.Changes) == 1 {
		f = fault.FromAstroError(v1alpha1.ConditionSynced, sent.Changes[0].String(), err)
	}
	p.Situation.Memory = p.unanswered(sent, p.Situation.Now)
	return p.Retry(err).lose(sent.Through, f)
}

// written takes in a write that Astro took. What it does not show yet is looked at again before it is called drift.
func (p Progress) written(sent Post, u astro.Update) Progress {
	p.accepted++
	s := &p.Situation
	before, found := p.Decision, Found{At: s.Token.At, By: s.Token.Token.UpdatedBy}
	own, dropped := slices.Concat(sent.Changes, p.droppedFrom(sent.Changes)), len(p.dropped(sent.Changes)) > 0
	s.Token = s.Token.shown(withoutAccessors(u), s.Now)
	known := s.Memory
	s.Memory = s.writerThrough(sent.Through, true).answered(sent.Changes, s.Now).untold(own).accepted(targetsOf(sent.Changes)...)
	if through := s.connection(sent.Through); through != nil {
		s.Memory = s.Memory.wrote(through, sent.Changes, s.Now)
	}
	if (dropped || slices.ContainsFunc(sent.Changes, clearsTheWay)) && len(s.Memory.Refusals) > 0 {
		s.Memory = s.Memory.clearRefusals()
		p = p.wake(time.Second)
	}
	for _, c := range sent.Changes {
		if !u.Confirmed {
			p = p.unconfirmed(c, known)
		}
	}
	return p.note(before, sent.Changes, found, known)
}

// clearsTheWay reports whether a change may be what others were refused for: a role on a Deployment may want one on its
// Workspace, which in turn may not go before it.
func clearsTheWay(c Change) bool {
	return c.Target.Kind == astro.EntityWorkspace && c.To != "" || c.Target.Kind == astro.EntityDeployment && c.To == ""
}

// withoutAccessors is the token after a write, without the accessor roles that Astro put where one was taken out: what
// the claim was on is gone.
func withoutAccessors(u astro.Update) astro.Token {
	t := u.After
	t.Roles = slices.DeleteFunc(slices.Clone(t.Roles), func(r astro.Role) bool { return slices.Contains(u.Accessors, r.Key()) })
	return t
}

// unconfirmed leaves a change alone for one more look: Astro may show it late. What it does not show twice rests until the
// next sweep, since Astro may show it otherwise than it was sent.
func (p Progress) unconfirmed(c Change, known Memory) Progress {
	s := &p.Situation
	words := fmt.Sprintf("Astro took the change (%s) but does not show it yet; the operator looks again", c)
	b := &s.Bindings[c.Owner]
	old, _ := known.refusal(b, c.Target, c.To)
	if old.Unshown > 0 {
		words = fmt.Sprintf("Astro took the change (%s) again and does not show it; the operator tries again at the next sweep", c)
	}
	s.Memory = s.Memory.refused(b, c.Target, c.To, Refusal{
		At: s.Now, Unshown: old.Unshown + 1, Fault: fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonDriftDetected, "%s", words),
	})
	unseen := maps.Clone(s.Unseen)
	if unseen == nil {
		unseen = map[roleset.Target]string{}
	}
	unseen[c.Target] = words
	s.Unseen = unseen
	return p.wake(lookAgain)
}

// note remembers what changes did for each binding that wanted them. What was sent before and not shown is restored once.
func (p Progress) note(before Decision, changes []Change, found Found, known Memory) Progress {
	s := &p.Situation
	done := maps.Clone(s.Done)
	if done == nil {
		done = map[types.UID]Done{}
	}
	var given []types.UID
	var restored []*Binding
	for _, c := range changes {
		claims := before.indices(c.Claims)
		again := slices.ContainsFunc(claims, func(i int) bool {
			old, _ := known.refusal(&s.Bindings[i], c.Target, c.To)
			return old.Unshown > 0
		})
		for _, i := range claims {
			b := &s.Bindings[i]
			status := b.Object.Status
			told := status.Role != "" && status.Token.ID == s.Key.Token
			drift := before.Rulings[i].Class == roleset.Want && known.changedByOthers(b, c)
			found.Role = c.From
			done[b.Object.UID] = Done{Update: c.From != "" && b.Claim != nil && told, Drift: drift, Found: found}
			if drift && c.To != "" && !again {
				restored = append(restored, b)
			}
			if _, pending := s.Pending[b.Object.UID]; pending && c.To != "" {
				given = append(given, b.Object.UID)
			}
		}
	}
	s.Done, s.Memory = done, s.Memory.restored(s.Now, restored...)
	return p.pend(given, func(_ types.UID, n *Pending) { n.Given = true })
}
