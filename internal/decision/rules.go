package decision

import (
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
	"github.com/scopedtoken/scopedtoken-operator/internal/resolve"
)

// forbidden asks the connection's rules. They are asked with the token's present name where the token is there, and with
// the user's words where it is not, so that the answer does not tell which.
func (s *Situation) forbidden(b *Binding, r *Ruling) *fault.Fault {
	return s.forbiddenTo(b, r, s.request(b, r))
}

// forbiddenTo is forbidden for what the binding asks of the rules.
func (s *Situation) forbiddenTo(b *Binding, r *Ruling, ask policy.Request) *fault.Fault {
	if b.LabelsErr != nil {
		f := fault.CouldNotCheck(v1alpha1.ConditionAccepted, v1alpha1.ReasonUnreachable, "read the namespace: %v", b.LabelsErr)
		f.Transient = true
		return f
	}
	if d := policy.Check(b.Connection.Object, ask); !d.Allowed {
		r.Withdrawn = b.Claim != nil && s.knows(b, r) && !s.grantAllowed(b, ask)
		if r.Withdrawn && b.Object.Spec.Suspend && revokedByWithdrawal(b) {
			d.Message += "; the role that the binding has stays in Astro as long as spec.suspend is true"
		}
		return fault.NotTrue(v1alpha1.ConditionAccepted, d.Reason, "%s", d.Message)
	}
	if s.misnames(b) {
		ask.Token = s.realFacts()
		if !policy.Check(b.Connection.Object, ask).Allowed {
			return tokenNotFound(b) // as for a token that is not there: this one is none of the user's business
		}
	}
	r.Allowed = true
	return nil
}

// grantAllowed reports whether the rules allow the role that the binding was given, or that the token holds, though not the one that is
// asked for: a binding that was edited to a role which it may not have is refused that, and loses nothing, whatever a stranger made of
// its role.
func (s *Situation) grantAllowed(b *Binding, ask policy.Request) bool {
	return slices.ContainsFunc([]string{b.given(), s.roleOn(b.entry(nil))}, func(role string) bool {
		ask.Role = role
		return role != "" && policy.Check(b.Connection.Object, ask).Allowed
	})
}

// revokedByWithdrawal is losesByWithdrawal but for that the binding may be suspended.
func revokedByWithdrawal(b *Binding) bool {
	return b.Connection.Object.ConnectionSpec().OnWithdrawal == v1alpha1.WithdrawalRevoke && !b.Observes() && created(b)
}

// losesByWithdrawal reports whether the binding's role is taken away when the rules allow it no more.
func losesByWithdrawal(b *Binding) bool { return revokedByWithdrawal(b) && !b.Object.Spec.Suspend }

// request is what the binding asks of its connection's rules.
func (s *Situation) request(b *Binding, r *Ruling) policy.Request {
	return policy.Request{Subject: subject(b), Token: s.tokenFacts(b), Target: targetFacts(b, r.Target), Role: b.Role()}
}

func subject(b *Binding) policy.Subject {
	return policy.Subject{Namespace: b.Object.Namespace, Labels: b.Labels}
}

// Addressed reports whether any rule of the connection speaks to the binding's namespace. For one to which none does, Astro
// is not asked anything.
func (b *Binding) Addressed() bool {
	return b.LabelsErr != nil || b.Connection.Object != nil && policy.SpeaksTo(b.Connection.Object, subject(b))
}

// Refused is why the rules refuse the binding whatever Astro shows, and so without a look at Astro; nil if they may allow it.
// Of one that names its token, a message may hint at names that the rules allow, which takes a look.
func (b *Binding) Refused() *policy.Decision {
	if b.LabelsErr != nil || b.Connection.Object == nil {
		return nil
	}
	ask, spec := policy.Request{Subject: subject(b)}, &b.Object.Spec
	if spec.Token.ID != "" {
		ask.Token = policy.TokenFacts{ID: string(spec.Token.ID), Scope: spec.Token.Scope}
		ask.Target = policy.TargetFacts{Kind: spec.Target.Kind, ID: string(spec.Target.ID)}
	}
	if d := policy.Possible(b.Connection.Object, ask); !d.Allowed {
		return &d
	}
	return nil
}

// misnames reports whether the token is there, but is not of the scope by which the binding asks for it.
func (s *Situation) misnames(b *Binding) bool {
	if s.presenceTo(b) != Present {
		return false
	}
	scope, ok := pin.ScopeOf(s.Token.Token)
	asked := b.Object.Spec.Token.Scope // empty for an orphan of which only the journal tells
	return !ok || (asked != "" && asked != scope)
}

// realFacts are what rules may speak of, as Astro shows it. A token of a scope that rules do not know matches none.
func (s *Situation) realFacts() policy.TokenFacts { return factsOfToken(s.Token.Token, s.tokenHome()) }

// FactsOfToken are what rules may speak of, of a token as Astro shows it.
func FactsOfToken(t astro.Token) policy.TokenFacts { return factsOfToken(t, t.Home()) }

func factsOfToken(t astro.Token, home string) policy.TokenFacts {
	scope, _ := pin.ScopeOf(t)
	facts := policy.TokenFacts{ID: t.ID, Name: t.Name, Scope: scope}
	if scope == v1alpha1.ScopeWorkspace {
		facts.WorkspaceID = home
	}
	return facts
}

// knows reports whether all is known of token and target that rules may speak of. A refusal for want of knowledge does
// not withdraw anything.
func (s *Situation) knows(b *Binding, r *Ruling) bool {
	return s.presenceTo(b) == Present && r.Target != nil &&
		(b.Object.Spec.Token.Scope != v1alpha1.ScopeWorkspace || s.tokenHome() != "")
}

func (s *Situation) tokenFacts(b *Binding) policy.TokenFacts {
	spec := b.Object.Spec.Token
	switch {
	case s.presenceTo(b) == Present && !s.misnames(b):
		return s.realFacts()
	case spec.ID != "": // nothing that the user says of it counts while it is not there
		return policy.TokenFacts{ID: s.Key.Token, Scope: spec.Scope}
	default:
		return policy.TokenFacts{ID: s.Key.Token, Name: spec.Name, Scope: spec.Scope, WorkspaceID: string(spec.WorkspaceID)}
	}
}

// targetFacts are what is known of the target. The Workspace of a Deployment is the one that Astro shows. While it is
// not found, the user's word for it counts only for a name, which means nothing outside of that Workspace: what is
// declared by id may be anywhere.
func targetFacts(b *Binding, found *astro.Target) policy.TargetFacts {
	spec, status := b.Object.Spec.Target, b.Object.Status.Target
	facts := policy.TargetFacts{Kind: spec.Kind, ID: b.targetID(found)}
	switch {
	case spec.Kind != v1alpha1.TargetDeployment:
	case found != nil:
		facts.WorkspaceID = found.WorkspaceID
	case status.ID != "" && status.ID == facts.ID:
		facts.WorkspaceID = status.WorkspaceID
	case facts.ID == "":
		facts.WorkspaceID = string(spec.WorkspaceID)
	}
	return facts
}

// FactsOf are what is known of a target that was found.
func FactsOf(t *astro.Target) policy.TargetFacts {
	facts := policy.TargetFacts{Kind: resolve.Kinds[t.Kind], ID: t.ID}
	if facts.Kind == v1alpha1.TargetDeployment {
		facts.WorkspaceID = t.WorkspaceID
	}
	return facts
}

// mayName reports whether the reader may be told of another binding of the token and the target.
func mayName(reader *Binding, r *Ruling, other *Binding) bool {
	return policy.MayName(other.Connection.Object, other.Object.Namespace, subject(reader), targetFacts(reader, r.Target))
}

// unnamed is another binding to a reader who may not know its name.
const unnamed = "a ScopedTokenBinding of another namespace"

// nameOf names another binding, as far as the rules let the reader know.
func nameOf(reader *Binding, r *Ruling, other *Binding) string {
	if mayName(reader, r, other) {
		return "ScopedTokenBinding " + other.ID()
	}
	return unnamed
}
