package stb

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
)

// claimWords is what the binding has claimed.
func claimWords(b *v1alpha1.ScopedTokenBinding) string {
	claim := pin.Claimed(b)
	switch {
	case claim == nil && b.Status.Claim != nil && b.Status.Claim.UID != b.UID:
		return "none: the status came with another object, from a backup or a copy"
	case claim == nil && b.Status.Claim != nil:
		return "released"
	case claim == nil:
		return "none"
	}
	words := "held since " + claim.ClaimedAt.UTC().Format(time.RFC3339)
	switch claim.Origin {
	case v1alpha1.OriginCreated:
		words += "; the operator gave the role"
	case v1alpha1.OriginAdopted:
		words += "; the role was there before: " + printable(cmp.Or(claim.PreviousRole, claim.Role))
	}
	return words
}

// order are the bindings for the token and target of this one, the first of which has the say: those that hold a claim by
// when they took it, then the others: those whose role Astro holds first, and of these the oldest. One that stands back for another has
// none, and is the last if it is this one.
func order(b *v1alpha1.ScopedTokenBinding, all []v1alpha1.ScopedTokenBinding) (lines []string) {
	at := standsFor(b)
	if at.token == "" || at.target == "" {
		return nil
	}
	rivals := slices.DeleteFunc(slices.Clone(all), func(o v1alpha1.ScopedTokenBinding) bool {
		return standsFor(&o) != at || o.UID != b.UID && (o.Spec.Mode == v1alpha1.ModeObserve || isRefused(&o) || isOver(&o))
	})
	last := standsBack(b, rivals)
	rivals = slices.DeleteFunc(slices.Clone(rivals), func(o v1alpha1.ScopedTokenBinding) bool { return o.UID != b.UID && standsBack(&o, rivals) })
	if len(rivals) < 2 {
		return nil
	}
	slices.SortFunc(rivals, func(a, o v1alpha1.ScopedTokenBinding) int {
		if last && a.UID != o.UID && (a.UID == b.UID || o.UID == b.UID) {
			return map[bool]int{true: 1, false: -1}[a.UID == b.UID]
		}
		return precedence(&a, &o)
	})
	for i := range rivals {
		o := &rivals[i]
		line := fmt.Sprintf("%d. %s/%s wants %s, claim %s", i+1, o.Namespace, o.Name, printable(cmp.Or(o.Spec.Role, v1alpha1.RoleDeploymentAdmin)), claimWords(o))
		if o.UID == b.UID {
			line += " (this one)"
		}
		lines = append(lines, line)
	}
	return lines
}

// isRefused reports whether the binding has no say, whatever the others do: one that is refused because of another binding
// may come next.
func isRefused(b *v1alpha1.ScopedTokenBinding) bool {
	said := meta.FindStatusCondition(b.Status.Conditions, v1alpha1.ConditionAccepted)
	return pin.Claimed(b) == nil && pin.Looked(b) && said != nil && said.Status == metav1.ConditionFalse && said.Reason != v1alpha1.ReasonConflictingBinding
}

// standsBack reports whether the binding is refused because its API token may not write the role, while Astro holds what another one of
// them declares: else it would have the say over that one.
func standsBack(b *v1alpha1.ScopedTokenBinding, all []v1alpha1.ScopedTokenBinding) bool {
	return syncedIs(b, metav1.ConditionFalse, v1alpha1.ReasonPermissionDenied) &&
		slices.ContainsFunc(all, func(o v1alpha1.ScopedTokenBinding) bool { return syncedIs(&o, metav1.ConditionTrue, "") })
}

// syncedIs reports whether the status says this of the role in Astro, for the spec as it is; for any reason if none is given.
func syncedIs(b *v1alpha1.ScopedTokenBinding, status metav1.ConditionStatus, reason string) bool {
	said := meta.FindStatusCondition(b.Status.Conditions, v1alpha1.ConditionSynced)
	return pin.Looked(b) && said != nil && said.Status == status && (reason == "" || said.Reason == reason)
}

func standsFor(b *v1alpha1.ScopedTokenBinding) place {
	return place{pin.TokenID(b), b.Spec.Target.Kind, pin.TargetID(b)}
}

// precedence is the order of two bindings, as the operator has it.
func precedence(a, b *v1alpha1.ScopedTokenBinding) int {
	mine, theirs := pin.Claimed(a), pin.Claimed(b)
	name := cmp.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	switch {
	case mine != nil && theirs != nil:
		return cmp.Or(mine.ClaimedAt.Compare(theirs.ClaimedAt), name)
	case mine != nil:
		return -1
	case theirs != nil:
		return 1
	}
	if is := wantsWhatIsThere(a); is != wantsWhatIsThere(b) {
		return map[bool]int{true: -1, false: 1}[is]
	}
	return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), name)
}

func wantsWhatIsThere(b *v1alpha1.ScopedTokenBinding) bool {
	return b.Status.Role != "" && b.Status.Role == cmp.Or(b.Spec.Role, v1alpha1.RoleDeploymentAdmin)
}

// ruleWords is which rule of the connection allows the binding, or why that is not known.
func (c cluster) ruleWords(ctx context.Context, to v1alpha1.Connection, b *v1alpha1.ScopedTokenBinding) string {
	subject, err := c.subject(ctx, to, b.Namespace)
	if err != nil {
		return "not known: " + printable(err.Error())
	}
	return verdictWords(to, subject, b)
}

// verdictWords is which rule of the connection allows the binding, or why none does, by what the status says of token and
// target: where the Workspace of one is not known from that, only the operator can tell. The user's word for it counts only
// beside a name, which means nothing outside of it: what is declared by id may be anywhere.
func verdictWords(c v1alpha1.Connection, s policy.Subject, b *v1alpha1.ScopedTokenBinding) string {
	ask := policy.Request{
		Subject: s, Role: cmp.Or(b.Spec.Role, v1alpha1.RoleDeploymentAdmin),
		Token: policy.TokenFacts{
			ID: pin.TokenID(b), Name: cmp.Or(b.Status.Token.Name, b.Spec.Token.Name), Scope: b.Spec.Token.Scope,
		},
		Target: policy.TargetFacts{Kind: b.Spec.Target.Kind, ID: pin.TargetID(b)},
	}
	if b.Spec.Token.ID == "" {
		ask.Token.WorkspaceID = string(b.Spec.Token.WorkspaceID)
	}
	if ask.Target.Kind == v1alpha1.TargetDeployment {
		ask.Target.WorkspaceID = workspaceOf(b)
		if ask.Token.Scope == v1alpha1.ScopeWorkspace { // it works in its own Workspace only
			ask.Token.WorkspaceID = cmp.Or(ask.Token.WorkspaceID, ask.Target.WorkspaceID)
		}
	}
	d := policy.Check(c, ask)
	if d.Reason == v1alpha1.ReasonTokenNotAllowed && ask.Token.Name == "" && !d.Allowed {
		return fmt.Sprintf("not known, since the status does not say the token's name; of its id alone none allows it (%s): %s", d.Reason, printable(d.Message))
	}
	if ask.Target.Kind == v1alpha1.TargetDeployment && ask.Target.WorkspaceID == "" && !d.Allowed {
		return fmt.Sprintf("not known, since the status does not say in which Workspace the Deployment is; of the Deployment alone none allows it (%s): %s",
			d.Reason, printable(d.Message))
	}
	if !d.Allowed {
		return fmt.Sprintf("none allows it (%s): %s", d.Reason, printable(d.Message))
	}
	rules := c.ConnectionSpec().Allow
	for i := range rules {
		if alone := withRule(c, rules[i]); policy.Check(alone, ask).Allowed {
			return fmt.Sprintf("spec.allow[%d] of the connection allows it", i)
		}
	}
	return "an AstroConnection without rules allows its own namespace everything"
}

// workspaceOf is the Workspace of the binding's Deployment: where it was last seen, or, until it is, where it is named.
func workspaceOf(b *v1alpha1.ScopedTokenBinding) string {
	spec, status := b.Spec.Target, b.Status.Target
	switch {
	case status.ID != "" && status.ID == pin.TargetID(b) && status.WorkspaceID != "":
		return status.WorkspaceID
	case spec.ID == "":
		return string(spec.WorkspaceID)
	default:
		return ""
	}
}

// withRule is the connection with one rule alone.
func withRule(c v1alpha1.Connection, rule v1alpha1.AllowRule) v1alpha1.Connection {
	alone, _ := c.DeepCopyObject().(v1alpha1.Connection)
	alone.ConnectionSpec().Allow = []v1alpha1.AllowRule{rule}
	return alone
}
