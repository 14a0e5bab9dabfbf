package stb

import (
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
)

// place is a token and a target on which it may hold a role.
type place struct {
	token  string
	kind   v1alpha1.TargetKind
	target string
}

// declaration are the bindings that speak of one place, each as namespace/name, of several the first by name.
type declaration struct {
	holds    string // has claimed the role: the operator keeps it
	observes string // is accepted and only looks
}

// declarations are what bindings declare, by its place. Only the status counts, which users do not write: a binding that the
// rules refuse declares nothing, whatever its spec says.
func declarations(bindings []v1alpha1.ScopedTokenBinding, o organization) map[place]declaration {
	all := map[place]declaration{}
	for i := range bindings {
		b := &bindings[i]
		name := b.Namespace + "/" + b.Name
		if claim := pin.Claimed(b); claim != nil {
			if claim.Host == o.host && claim.Organization == o.id {
				at := place{claim.Token, claim.TargetKind, claim.Target}
				d := all[at]
				d.holds = firstName(d.holds, name)
				all[at] = d
			}
			continue
		}
		if b.Status.OrganizationID == o.id && accepted(b) && onlyLooks(b) {
			at := place{pin.TokenID(b), b.Spec.Target.Kind, pin.TargetID(b)}
			d := all[at]
			d.observes = firstName(d.observes, name)
			all[at] = d
		}
	}
	return all
}

// onlyLooks reports whether a binding without a claim is not to take one: by its own mode, or, as its status tells, by its
// connection's.
func onlyLooks(b *v1alpha1.ScopedTokenBinding) bool {
	synced := meta.FindStatusCondition(b.Status.Conditions, v1alpha1.ConditionSynced)
	observed := synced != nil && (synced.Reason == v1alpha1.ReasonInSync || synced.Reason == v1alpha1.ReasonWouldChange)
	return observed || b.Spec.Mode == v1alpha1.ModeObserve
}

func firstName(one, other string) string {
	if one == "" {
		return other
	}
	return min(one, other)
}

// accepted reports whether the rules of the connection allow the binding, as far as the operator has looked.
func accepted(b *v1alpha1.ScopedTokenBinding) bool {
	return pin.Looked(b) && meta.IsStatusConditionTrue(b.Status.Conditions, v1alpha1.ConditionAccepted)
}

// isOver reports whether the binding has expired, and so is to enforce nothing any more.
func isOver(b *v1alpha1.ScopedTokenBinding) bool {
	synced := meta.FindStatusCondition(b.Status.Conditions, v1alpha1.ConditionSynced)
	return pin.Claimed(b) == nil && synced != nil && synced.Reason == v1alpha1.ReasonExpired
}
