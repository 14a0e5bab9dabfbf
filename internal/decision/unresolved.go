package decision

import (
	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

// BeginUnresolved starts the work on bindings that only name their token, whose connection does not exist, or that the rules
// refuse whatever Astro shows. They hold nothing. One whose name is that of exactly one token is handed over to the key of that
// token, where every other claim on it is known; the others are told what is wrong.
func BeginUnresolved(s Situation) (p Progress, handOver map[int]string) {
	p = Progress{Situation: s, Decision: Decision{Rulings: make([]Ruling, len(s.Bindings))}}
	handOver = map[int]string{}
	for i := range s.Bindings {
		b, r := &s.Bindings[i], &p.Decision.Rulings[i]
		if b.Journaled { // it was given a role of which its status does not tell yet, and says nothing before that does
			p = p.out(b.Object.UID)
			handOver[i], r.Fault, p = b.Claim.Token, fault.Quiet(), p.wake(orphanAgain)
			continue
		}
		if b.Deleting() && (!s.NeedsToken(b) || len(b.Names.Tokens) != 1) {
			r.Class, r.Fault = s.judgeDeleting(b, r)
			continue
		}
		if r.Fault = s.unreachable(b); r.Fault != nil {
			s.finishIfExpired(b, r)
			continue
		}
		refused := b.Refused()
		switch {
		case refused != nil:
			r.Fault = fault.NotTrue(v1alpha1.ConditionAccepted, refused.Reason, "%s", refused.Message)
			s.finishIfExpired(b, r)
		case b.Names.Err != nil:
			p = p.Retry(b.Names.Err)
			r.Fault = fault.FromAstroError(v1alpha1.ConditionResolved, "look up "+b.TokenWords(), b.Names.Err)
		case len(b.Names.Tokens) == 1:
			handOver[i] = b.Names.Tokens[0].ID
			r.Fault = fault.Quiet()
		default:
			r.Fault = s.unresolved(b, r)
			s.finishIfExpired(b, r)
		}
	}
	return p, handOver
}

// unresolved is what is wrong with a name that is not exactly one token's. The rules come first, so that the answer does
// not tell which tokens there are.
func (s *Situation) unresolved(b *Binding, r *Ruling) *fault.Fault {
	r.Target, _ = b.target()
	if f := s.forbidden(b, r); f != nil {
		return s.hinted(b, r, f)
	}
	if b.Object.Spec.Suspend {
		return suspended(b)
	}
	if len(b.Names.Tokens) == 0 {
		return s.hinted(b, r, tokenNotFound(b))
	}
	return fault.NotTrue(v1alpha1.ConditionResolved, v1alpha1.ReasonTokenAmbiguous,
		"there is more than one %s: %s; recreate the binding with spec.token.id, or rename the others in Astro", b.TokenWords(), tokenIDs(b.Names.Tokens))
}
