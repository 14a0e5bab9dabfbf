package policy

import (
	"fmt"
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// Subject is the namespace that asks.
type Subject struct {
	Namespace string
	Labels    map[string]string
}

// TokenFacts are what is known of the token; an empty string is not known (yet).
type TokenFacts struct {
	ID string
	// Name as Astro has it now; as the user spells it while the token is not found.
	Name  string
	Scope v1alpha1.Scope
	// WorkspaceID is the home of a Workspace token.
	WorkspaceID string
}

// TargetFacts are what is known of the target; an empty string is not known (yet).
type TargetFacts struct {
	Kind v1alpha1.TargetKind
	ID   string
	// WorkspaceID is the Workspace of a Deployment.
	WorkspaceID string
}

// Request is what a binding asks of a connection.
type Request struct {
	Subject Subject
	Token   TokenFacts
	Target  TargetFacts
	Role    string
}

// Decision is the answer, in the words of a condition.
type Decision struct {
	Allowed bool
	Reason  string
	Message string
}

var allowed = Decision{Allowed: true, Reason: v1alpha1.ReasonAccepted}

// Check says whether the connection may be used for the request. A refusal gives the reason of the furthest stage that
// any rule got to: namespace, token, target, role.
func Check(c v1alpha1.Connection, r Request) Decision {
	if done, d := byNamespace(c, r.Subject); done {
		return d
	}
	furthest := atNamespace
	for i := range c.ConnectionSpec().Allow {
		furthest = max(furthest, reached(&c.ConnectionSpec().Allow[i], r))
	}
	return decide(c, furthest, r)
}

// Possible says whether the connection could be used for the request, whatever Astro shows: of the token only scope and id count,
// of the target its kind and id, each where it is given. A refusal says the same whether or not token and target exist.
func Possible(c v1alpha1.Connection, r Request) Decision {
	if done, d := byNamespace(c, r.Subject); done {
		return d
	}
	furthest := atNamespace
	for i := range c.ConnectionSpec().Allow {
		switch rule := &c.ConnectionSpec().Allow[i]; {
		case !matchesNamespace(rule.Namespaces, r.Subject):
		case r.Token.ID != "" && !matchesAny(rule.Tokens, r.Token, mayMatchToken):
			furthest = max(furthest, atToken)
		case r.Target.ID != "" && !matchesAny(rule.Targets, r.Target, mayMatchTarget):
			furthest = max(furthest, atTarget)
		default:
			return allowed
		}
	}
	return decide(c, furthest, r)
}

// SpeaksTo reports whether any rule of the connection speaks to the subject.
func SpeaksTo(c v1alpha1.Connection, s Subject) bool {
	if done, d := byNamespace(c, s); done {
		return d.Allowed
	}
	return slices.ContainsFunc(c.ConnectionSpec().Allow, func(rule v1alpha1.AllowRule) bool { return matchesNamespace(rule.Namespaces, s) })
}

// CheckInventory says whether the subject may list the tokens on the target, for which a rule must say inventory: true.
func CheckInventory(c v1alpha1.Connection, s Subject, t TargetFacts) Decision {
	return checkInventory(c, s, t, matchesTarget)
}

// PossibleInventory says whether it might, whatever Astro shows: of the target only its kind and id count, where it is given.
func PossibleInventory(c v1alpha1.Connection, s Subject, t TargetFacts) Decision {
	return checkInventory(c, s, t, func(rule v1alpha1.TargetRule, t TargetFacts) bool { return t.ID == "" || mayMatchTarget(rule, t) })
}

// MayName says whether the reader may be told of a binding of the namespace that works through the connection, nil for none: of one of
// its own namespace, and of any that an inventory of the target through that very connection would show it. The reader's own connection
// does not count: whoever makes one in a namespace of theirs chooses its rules.
func MayName(c v1alpha1.Connection, namespace string, reader Subject, t TargetFacts) bool {
	return namespace == reader.Namespace || c != nil && CheckInventory(c, reader, t).Allowed
}

func checkInventory(c v1alpha1.Connection, s Subject, t TargetFacts, matches func(v1alpha1.TargetRule, TargetFacts) bool) Decision {
	if done, d := byNamespace(c, s); done {
		return d
	}
	furthest := atNamespace
	for i := range c.ConnectionSpec().Allow {
		switch rule := &c.ConnectionSpec().Allow[i]; {
		case !matchesNamespace(rule.Namespaces, s):
		case rule.Inventory && matchesAny(rule.Targets, t, matches):
			return allowed
		default:
			furthest = atInventory
		}
	}
	return decide(c, furthest, Request{Subject: s, Target: t})
}

// CheckRemovals says whether the subject may have what no binding declares on the target removed at all, for which a rule must say
// removeUndeclared: true. A connection without rules allows nobody that.
func CheckRemovals(c v1alpha1.Connection, s Subject, t TargetFacts) Decision {
	return checkRemovals(c, s, t, matchesTarget)
}

// PossibleRemovals says whether it might, whatever Astro shows; see PossibleInventory.
func PossibleRemovals(c v1alpha1.Connection, s Subject, t TargetFacts) Decision {
	return checkRemovals(c, s, t, func(rule v1alpha1.TargetRule, t TargetFacts) bool { return t.ID == "" || mayMatchTarget(rule, t) })
}

func checkRemovals(c v1alpha1.Connection, s Subject, t TargetFacts, matches func(v1alpha1.TargetRule, TargetFacts) bool) Decision {
	if done, d := byNamespace(c, s); done && !d.Allowed {
		return d
	}
	furthest := atNamespace
	for i := range c.ConnectionSpec().Allow {
		switch rule := &c.ConnectionSpec().Allow[i]; {
		case !matchesNamespace(rule.Namespaces, s):
		case rule.RemoveUndeclared && matchesAny(rule.Targets, t, matches):
			return allowed
		default:
			furthest = atRemoval
		}
	}
	if len(c.ConnectionSpec().Allow) == 0 && c.ConnectionKind() == v1alpha1.KindAstroConnection {
		furthest = atRemoval
	}
	return decide(c, furthest, Request{Subject: s, Target: t})
}

// MayRemove reports whether the subject may have this very role of the token removed where no binding declares it: all of one rule
// with removeUndeclared: true has to match.
func MayRemove(c v1alpha1.Connection, r Request) bool {
	if done, d := byNamespace(c, r.Subject); done && !d.Allowed {
		return false
	}
	return slices.ContainsFunc(c.ConnectionSpec().Allow, func(rule v1alpha1.AllowRule) bool {
		return rule.RemoveUndeclared && reached(&rule, r) == passed
	})
}

// Roles are those that the rules name which speak of the namespace, the token and the target, each once: only of them may the
// namespace have one. A connection without rules names none.
func Roles(c v1alpha1.Connection, r Request) (roles []string) {
	if done, _ := byNamespace(c, r.Subject); done {
		return nil
	}
	for i := range c.ConnectionSpec().Allow {
		if rule := &c.ConnectionSpec().Allow[i]; reached(rule, r) >= atRole {
			roles = append(roles, rule.Roles...)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(roles)))
}

// byNamespace decides what needs no look at the rules: an AstroConnection serves its own namespace only, and all of it
// where there are no rules.
func byNamespace(c v1alpha1.Connection, s Subject) (done bool, d Decision) {
	if c.ConnectionKind() != v1alpha1.KindAstroConnection {
		return false, Decision{}
	}
	if s.Namespace == "" || s.Namespace != c.GetNamespace() {
		return true, refuse(v1alpha1.ReasonNamespaceNotAllowed, fmt.Sprintf(
			"%s serves the bindings of its own namespace only: use a connection in namespace %q, or a ClusterAstroConnection",
			called(c), s.Namespace))
	}
	return len(c.ConnectionSpec().Allow) == 0, allowed
}

// decide words the stage that the rules got to.
func decide(c v1alpha1.Connection, furthest stage, r Request) Decision {
	const ask = "ask the owner of the connection to add it to "
	none := fmt.Sprintf("no rule of %s allows namespace %q ", called(c), r.Subject.Namespace)
	switch furthest {
	case atNamespace:
		return refuse(v1alpha1.ReasonNamespaceNotAllowed, none+"anything: "+ask+"the namespaces of a rule in spec.allow")
	case atToken:
		return refuse(v1alpha1.ReasonTokenNotAllowed, none+"this token: "+ask+
			"the tokens of a rule in spec.allow, or declare a token that is allowed")
	case atTarget:
		return refuse(v1alpha1.ReasonTargetNotAllowed, fmt.Sprintf(
			"%sthis %s with this token: %sthe targets of a rule in spec.allow, or declare a target that is allowed",
			none, r.Target.Kind, ask))
	case atRole:
		return refuse(v1alpha1.ReasonRoleNotAllowed, fmt.Sprintf(
			"%srole %q on this %s with this token: %sthe roles of a rule in spec.allow, or declare a role that is allowed",
			none, r.Role, r.Target.Kind, ask))
	case atInventory:
		return refuse(v1alpha1.ReasonInventoryNotAllowed, fmt.Sprintf(
			"%san inventory of this %s: ask the owner of the connection for a rule in spec.allow with this target and inventory: true",
			none, r.Target.Kind))
	case atRemoval:
		return refuse(v1alpha1.ReasonInventoryNotAllowed, fmt.Sprintf(
			"%san inventory that removes what no binding declares on this %s: ask the owner of the connection for a rule in spec.allow with this target and "+
				"removeUndeclared: true, or make another inventory with undeclared: Report",
			none, r.Target.Kind))
	default:
		return allowed
	}
}

func refuse(reason, message string) Decision { return Decision{Reason: reason, Message: message} }

// called is the connection as the user knows it.
func called(c v1alpha1.Connection) string {
	return fmt.Sprintf("%s %q", c.ConnectionKind(), c.GetName())
}
